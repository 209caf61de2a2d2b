import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { askingPool } from './stage/asking-pool.ts';
import { bothSides } from './stage/both-sides.ts';
import { handedOver, tcpPair } from './stage/handed-over.ts';
import { Pool } from './stage/pool.ts';
import { Terminal } from './stage/terminal.ts';

const name = 'www.example.com';

for (const [how, flags] of [['at the terminal', []]] as const) {
  test(`a PIN is asked for ${how}, with program, user, identity and peer, and the handshake goes on`, async () => {
    await using asking = await askingPool([[name]]);
    const { pool, pin } = asking;
    using terminal = new Terminal(pool, 'pin', ...flags);
    await terminal.showing(/its PIN is asked for here[\s\S]*ready/);
    const program = await connect({ socket: pool.socket });
    const pair = await tcpPair();
    const session = handedOver(program, pool, name, {}, pair);
    session.catch(() => undefined);
    const screen = await terminal.showing(/PIN of tlspool/);
    for (const part of ['/node', userInfo().username, name, pair.peer]) {
      assert.ok(screen.includes(part), `${part} is not to be seen:\n${screen}`);
    }
    terminal.type('1234');
    terminal.press('Enter');
    await terminal.showing(/1 wrong PIN/);
    terminal.type(pin);
    terminal.press('Enter');
    using done = await session;
    assert.equal(done.session.localId, name);
    assert.ok(!terminal.screen().includes(pin), 'a PIN is never shown');
    terminal.press('C-c');
    await terminal.showing(/Pane is dead/);
    program.close();
  });
}

test('a program that asks and is killed leaves nobody waiting', async () => {
  await using asking = await askingPool([[name]]);
  const { pool } = asking;
  using terminal = new Terminal(pool, 'pin');
  await terminal.showing(/ready/);
  const program = await connect({ socket: pool.socket });
  const session = handedOver(program, pool, name, { timeout: Number.POSITIVE_INFINITY });
  session.catch(() => undefined);
  await terminal.showing(/PIN of tlspool/);
  process.kill(terminal.pid, 'SIGKILL');
  await assert.rejects(session, { code: 'stirred-not-shaken', message: /went away/ });
  program.close();
});

test('who we are is chosen at a terminal, and remembered for others of the domain', async () => {
  await using pool = await Pool.serving([[name], ['john@example.com'], ['work@example.com']]);
  using terminal = new Terminal(pool, 'identities', 'select');
  await terminal.showing(/ready/);
  const [server, client] = [
    await connect({ socket: pool.socket }),
    await connect({ socket: pool.socket }),
  ];
  const meet = () =>
    bothSides(server, client, {
      serverRequest: { localId: name },
      clientRequest: { remoteId: name, service: 'imap' },
    });
  const meeting = meet();
  meeting.catch(() => undefined);
  const screen = await terminal.showing(/Who are we to www\.example\.com/);
  for (const part of ['/node', userInfo().username, 'imap', 'john@example.com']) {
    assert.ok(screen.includes(part), `${part} is not to be seen:\n${screen}`);
  }
  terminal.type('work');
  await terminal.showing(/❯ work@example\.com/);
  terminal.press('Enter');
  await terminal.showing(/without asking\?/);
  terminal.press('Down');
  terminal.press('Down');
  await terminal.showing(/❯ to every server below example\.com/);
  terminal.press('Enter');
  using first = await meeting;
  assert.equal(first.server.remoteId, 'work@example.com');
  const { disclosures } = JSON.parse(await pool.command('disclose', 'list', '--json'));
  assert.deepEqual(disclosures, [{ remote: '.example.com', locals: ['work@example.com'] }]);
  // Nobody is asked again.
  using second = await meet();
  assert.equal(second.server.remoteId, 'work@example.com');
  server.close();
  client.close();
});

test('rules choose for a machine', async () => {
  await using pool = await Pool.serving([[name], ['john@example.com']]);
  const { writeFileSync } = await import('node:fs');
  const rules = `${pool.folder}/rules`;
  writeFileSync(rules, '# all of them\n.example.com john@example.com remember\n');
  await using chooser = pool.start('identities', 'select', '--auto', rules);
  await chooser.saying(/ready/);
  const [server, client] = [
    await connect({ socket: pool.socket }),
    await connect({ socket: pool.socket }),
  ];
  using both = await bothSides(server, client, {
    serverRequest: { localId: name },
    clientRequest: { remoteId: name },
  });
  assert.equal(both.server.remoteId, 'john@example.com');
  server.close();
  client.close();
});
