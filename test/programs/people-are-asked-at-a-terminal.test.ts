import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { constants, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type PoolConnection, type StartTlsRequest } from '../../src/client/index.ts';
import { type AskingPool, askingPool } from './stage/asking-pool.ts';
import { bothSides } from './stage/both-sides.ts';
import { handedOver, tcpPair } from './stage/handed-over.ts';
import type { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';
import { withoutSystemd } from './stage/systemd.ts';
import { Terminal } from './stage/terminal.ts';

const name = 'www.example.com';
/** A person takes the time that a person takes. */
const unhurried = { timeout: Number.POSITIVE_INFINITY };

let asking: AskingPool;
let pool: Pool;
before(async () => {
  asking = await askingPool([[name], ['john@example.com'], ['work@example.com']]);
  pool = asking.pool;
});
after(() => asking?.[Symbol.asyncDispose]());

async function aProgram(): Promise<PoolConnection & AsyncDisposable> {
  const program = await connect({ socket: pool.socket });
  return Object.assign(program, { [Symbol.asyncDispose]: async () => program.close() });
}

async function lockToken(): Promise<void> {
  await pool.command('pin', 'lock', 'tlspool');
}

function shows(screen: string, ...parts: readonly string[]): void {
  for (const part of parts)
    assert.ok(screen.includes(part), `${part} is not to be seen:\n${screen}`);
}

for (const [how, flags, skip] of [
  ['at the terminal', [], false],
  ["by GnuPG's pinentry-tty", ['--pinentry', 'pinentry-tty'], false],
  ["by GnuPG's pinentry-curses", ['--pinentry', 'pinentry-curses'], false],
  ['by systemd-ask-password', ['--ask-password'], withoutSystemd()],
] as const) {
  test(`a PIN is asked for ${how}, with program, user, identity and peer, and the handshake goes on`, {
    skip,
  }, async () => {
    await using terminal = await Terminal.running(pool, 'pin', ...flags);
    await terminal.showing(/its PIN is asked for here[\s\S]*ready/);
    // What is typed before the question is no answer to it.
    await terminal.type('4711', 'Enter');
    await using program = await aProgram();
    const pair = await tcpPair();
    const session = handedOver(program, pool, name, unhurried, pair);
    session.catch(() => undefined);
    const screen = await terminal.showing(/PIN of tlspool/);
    shows(screen, '/node', userInfo().username, name, pair.peer);
    await terminal.type('1234', 'Enter');
    await terminal.showing(/1 wrong PIN/);
    await terminal.type(asking.pin, 'Enter');
    using done = await session;
    assert.equal(done.session.localId, name);
    await terminal.press('C-c');
    const { code, screen: last } = await terminal.ended();
    assert.equal(code, 0);
    assert.ok(!last.includes(asking.pin), 'a PIN is never shown');
    await lockToken();
  });
}

for (const [how, flags, decline] of [
  ['at the terminal', [], ['Enter']],
  ["by GnuPG's pinentry-curses", ['--pinentry', 'pinentry-curses'], ['Tab', 'Tab', 'Enter']],
] as const) {
  test(`whoever declines ${how} ends the handshake with an error that says so`, async () => {
    await using terminal = await Terminal.running(pool, 'pin', ...flags);
    await terminal.showing(/ready/);
    await using program = await aProgram();
    const session = handedOver(program, pool, name, unhurried);
    session.catch(() => undefined);
    await terminal.showing(/PIN of tlspool/);
    await terminal.press(...decline);
    await assert.rejects(session, { code: 'stirred-not-shaken', message: /PIN.* was declined/ });
    await terminal.showing(/^(?![\s\S]*PIN of tlspool)/);
    // It asks on.
    const again = handedOver(program, pool, name, unhurried);
    again.catch(() => undefined);
    await terminal.showing(/PIN of tlspool/);
    await terminal.press('C-c');
    assert.equal((await terminal.ended()).code, 0);
    await assert.rejects(again, { code: 'stirred-not-shaken', message: /went away/ });
  });
}

test('a program that asks and is killed leaves nobody waiting, and nothing at the terminal', async () => {
  await using terminal = await Terminal.running(pool, 'pin', '--pinentry', 'pinentry-tty');
  await terminal.showing(/ready/);
  await using program = await aProgram();
  const session = handedOver(program, pool, name, unhurried);
  session.catch(() => undefined);
  await terminal.showing(/PIN of tlspool/);
  process.kill(terminal.pid, 'SIGKILL');
  await assert.rejects(session, { code: 'stirred-not-shaken', message: /went away/ });
  assert.equal((await terminal.ended()).code, 128 + constants.signals.SIGKILL);
});

test('a PIN is asked for on a terminal with little room', async () => {
  const size = { columns: 40, rows: 12 };
  await using terminal = await Terminal.sized(size, pool, 'pin', 'enter', 'tlspool');
  await terminal.showing(/PIN of tlspool/);
  await terminal.type(asking.pin, 'Enter');
  const { code, screen } = await terminal.ended();
  assert.equal(code, 0, screen);
  shows(screen, 'The token tlspool is open.');
});

/** The client meets the server; both are programs of this pool. */
async function meeting(server: PoolConnection, client: PoolConnection, remoteId: string) {
  const clientRequest: Partial<StartTlsRequest> = { ...unhurried, remoteId, service: 'imap' };
  return bothSides(server, client, {
    serverRequest: { ...unhurried, localId: name },
    clientRequest,
  });
}

test('who we are is chosen at a terminal, and remembered for others of the domain', async () => {
  await pool.command('pin', 'enter', 'tlspool', '--from', asking.pinFile);
  await using terminal = await Terminal.running(pool, 'identities', 'select');
  await terminal.showing(/ready/);
  await using server = await aProgram();
  await using client = await aProgram();
  const once = meeting(server, client, name);
  once.catch(() => undefined);
  const screen = await terminal.showing(/Who are we to www\.example\.com/);
  shows(screen, '/node', userInfo().username, 'imap', 'john@example.com');
  await terminal.type('john');
  await terminal.showing(/search\) john\n\s*❯ john@example\.com\n(?!\s*(?:work|nobody))/);
  await terminal.press('Enter');
  await terminal.showing(/without asking\?/);
  await terminal.press('Enter');
  using first = await once;
  assert.equal(first.server.remoteId, 'john@example.com');
  assert.deepEqual(await disclosed(), [], 'this time only');

  const remembered = meeting(server, client, name);
  remembered.catch(() => undefined);
  await terminal.showing(/Who are we to www\.example\.com\?[^\n]*\n❯ (?!.*without)/);
  await terminal.type('work');
  await terminal.showing(/search\) work\n\s*❯ work@example\.com/);
  await terminal.press('Enter');
  await terminal.showing(/without asking\?/);
  await terminal.press('Down', 'Down');
  await terminal.showing(/❯ to every server below example\.com/);
  await terminal.press('Enter');
  using second = await remembered;
  assert.equal(second.server.remoteId, 'work@example.com');
  assert.deepEqual(await disclosed(), [{ remote: '.example.com', locals: ['work@example.com'] }]);

  // Nobody is asked again.
  using third = await meeting(server, client, name);
  assert.equal(third.server.remoteId, 'work@example.com');
});

test('what is disclosed already is suggested first, and Enter takes it', async () => {
  await using terminal = await Terminal.running(pool, 'identities', 'select', '--ask', 'all');
  await terminal.showing(/ready/);
  await using server = await aProgram();
  await using client = await aProgram();
  const met = meeting(server, client, name);
  met.catch(() => undefined);
  const screen = await terminal.showing(/❯ work@example\.com \(suggested\)/);
  shows(screen, 'Disclosed: work@example.com to .example.com');
  await terminal.press('Enter');
  await terminal.showing(/without asking\?/);
  await terminal.press('Enter');
  using both = await met;
  assert.equal(both.server.remoteId, 'work@example.com');
});

test('rules choose for a machine', async () => {
  await pool.command('disclose', 'remove', '.example.com', 'work@example.com');
  const rules = join(pool.folder, 'rules');
  writeFileSync(rules, '# all of them\n.example.com john@example.com remember\n');
  await using chooser = pool.start('identities', 'select', '--auto', rules);
  await chooser.saying(/ready/);
  await using server = await aProgram();
  await using client = await aProgram();
  using both = await meeting(server, client, name);
  assert.equal(both.server.remoteId, 'john@example.com');
  assert.deepEqual(await disclosed(), [{ remote: '.example.com', locals: ['john@example.com'] }]);
});

async function disclosed(): Promise<unknown> {
  return JSON.parse(await pool.command('disclose', 'list', '--json')).disclosures;
}

test('whoever comes second is not told to be ready, but that there is one', async () => {
  for (const [command, first, second] of [
    ['asks', ['pin'], ['pin', '--from', join(pool.stateDir, 'pin')]],
    ['chooses', ['identities', 'select'], ['identities', 'select', '--auto', '/dev/null']],
  ] as const) {
    await using terminal = await Terminal.running(pool, ...first);
    await terminal.showing(/ready/);
    const { code, stderr } = await runTlspool(second, { env: pool.environment });
    assert.equal(code, 1, command);
    assert.match(stderr, /^Error: another program does that already\. End it first/);
    await terminal.press('C-c');
    await terminal.ended();
  }
});

test('a source for a token that the pool does not have, or rules that are not there, are named at once', async () => {
  const from = ['--from', join(pool.stateDir, 'pin'), '--token', 'tlspol'];
  const asked = await runTlspool(['pin', ...from], { env: pool.environment });
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /^Error: no token of this pool is tlspol\nThere are: tlspool\n$/);
  const auto = ['identities', 'select', '--auto', join(pool.folder, 'none')];
  const { code, stderr } = await runTlspool(auto, { env: pool.environment });
  assert.equal(code, 2);
  assert.match(stderr, /^Error: cannot read \S+: no such file or directory\n$/);
});
