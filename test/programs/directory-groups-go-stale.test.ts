import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { connect as connectPool } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import { attempt } from './stage/attempt.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { groupName, Slapd } from './stage/slapd.ts';

const lists = 'lists.example.org';

/** Asks until the answer is as expected, or too long. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it never came about');
    await pause(200);
  }
}

test('a directory is believed until its stale limit, then nobody is certain to be a member', async () => {
  await using pool = await Pool.serving([[lists]]);
  const groups = { staff: ['mary', 'john'], all: ['anna', 'cn=staff'] };
  await using slapd = await Slapd.start(pool.folder, await freePort(), groups);
  const source = ['--ldap', slapd.url, '--ldap-group', groupName('all')];
  const times = ['--refresh', '1 s', '--stale', '15 s'];
  const created = await pool.command('authz', 'group', 'create', 'all', ...source, ...times);
  assert.match(created, /The directory lists 3 members/);
  await pool.command('authz', 'allow', 'group:all', '--to', lists, '--service', 'smtp');
  await pool.command('authz', 'deny', 'group:all', '--to', lists, '--service', 'imap');

  const check = async (who: string, service: string) => {
    const args = ['authz', 'check', who, '--to', lists, '--service', service, '--json'];
    const running = pool.start(...args);
    await running.ended;
    const { remote } = JSON.parse(running.stdout);
    return `${remote.allowed} ${remote.reason}`;
  };
  assert.equal(await check('mary@example.com', 'smtp'), 'true allowed-by-rule');
  assert.equal(await check('bob@example.com', 'smtp'), 'false no-rule');

  await slapd.stop();
  // Nobody asks the directory to decide: what it said is believed, and the daemon goes on.
  assert.equal(await check('mary@example.com', 'smtp'), 'true allowed-by-rule');
  await until(async () => (await check('mary@example.com', 'smtp')) === 'false stale');
  assert.equal(await check('bob@example.com', 'imap'), 'false stale', 'a deny applies');
  assert.match(pool.daemon.stderr, /members of a group are not known/);
  const complaints = pool.daemon.stderr.match(/members of a group are not known/g);
  assert.equal(complaints?.length, 1, 'it is said once');
  assert.match(await pool.command('status'), /./);

  const mary = await options(pool, 'mary@example.com');
  assert.match(await visited(pool, mary), /^stale: mary@example\.com may not use/);

  await slapd.serve();
  await until(async () => (await check('mary@example.com', 'smtp')) === 'true allowed-by-rule');
  await until(async () => (await visited(pool, mary)) === 'mary@example.com');
});

/** What the daemon says of a client: who it is, or why it is not let in. */
async function visited(pool: Pool, client: ConnectionOptions): Promise<string> {
  const program = await connectPool({ socket: pool.socket });
  const [fd, theirs] = socketPair();
  const outcome = attempt(program, { fd, role: 'server', localId: lists, service: 'smtp' });
  const socket = connectTls({ ...client, socket: new Socket({ fd: theirs }) });
  socket.on('error', () => undefined).resume();
  try {
    const became = await outcome;
    if ('refused' in became) return became.refused;
    became.plain.destroy();
    return became.session.remoteId;
  } finally {
    socket.destroy();
    program.close();
  }
}

async function options(pool: Pool, who: string): Promise<ConnectionOptions> {
  const p12 = join(pool.folder, 'client.p12');
  const issue = ['ca', 'issue', who, '--p12', p12, '--unsafe-key-outside-token', '--json'];
  const { passphraseFile } = JSON.parse(await pool.command(...issue));
  const passphrase = readFileSync(passphraseFile, 'utf8').trim();
  const ca = readFileSync(pool.caFile);
  return { pfx: readFileSync(p12), passphrase, ca, servername: lists };
}
