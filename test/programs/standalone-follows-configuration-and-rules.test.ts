import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { event } from '../patience.ts';
import { connected, cutOff, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const member = 'mary@example.com';

test('a pool inside a command takes tlspool.conf as the daemon does', async () => {
  await using pool = await Pool.create([[name]]);
  const configure = (text: string) => writeFileSync(join(pool.folder, 'tlspool.conf'), text);
  const greeting = ['sh', '-c', 'echo welcome'];
  {
    await using served = await wrapped(pool, ['--standalone', '--inetd'], greeting);
    assert.equal(await readAll(await connected(pool, served.port)), 'welcome\n');
  }
  configure('authorisation required\n');
  {
    await using served = await wrapped(pool, ['--standalone', '--inetd'], greeting);
    const refused = { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' };
    await assert.rejects(readAll(await connected(pool, served.port)), refused);
  }
  configure('nonsense\n');
  const faulty = pool.start('wrap', '--standalone', '--listen', '127.0.0.1:0', '--', ...greeting);
  assert.equal(await faulty.ended, 125);
  assert.match(faulty.stderr, /there is no setting nonsense/);
});

test('--apply-to-open ends the sessions of a pool inside a command, too', async () => {
  await using stage = await openSession();
  const { pool, socket, ended } = stage;
  const other = ['john@example.com', '--to', name];
  assert.doesNotMatch(await pool.command('authz', 'allow', ...other, '--apply-to-open'), /ended/);
  socket.write('still there\n');
  assert.equal(String((await event(socket, 'data'))[0]), 'still there\n');
  await pool.command('authz', 'remove', 'r1', '--apply-to-open');
  await ended;
});

test('ca revoke --apply-to-open ends the sessions of whom it names in a pool inside a command, too', async () => {
  await using stage = await openSession();
  const { pool, socket, ended } = stage;
  await pool.command('identities', 'create', 'john@example.com', '--role', 'client');
  await pool.command('ca', 'revoke', 'john@example.com', '--apply-to-open');
  socket.write('still there\n');
  assert.equal(String((await event(socket, 'data'))[0]), 'still there\n');
  await pool.command('ca', 'revoke', member, '--apply-to-open');
  await ended;
});

test('trust distrust --apply-to-open ends the sessions in which it was shown in a pool inside a command, too', async () => {
  await using stage = await openSession();
  const { pool, socket, ended } = stage;
  const issued: { id: string; serial: string }[] = JSON.parse(
    await pool.command('ca', 'list', '--json'),
  ).issued;
  const members = issued.find(({ id }) => id === member)?.serial ?? '';
  await pool.command('trust', 'distrust', `${members.slice(0, -1)}`, '--apply-to-open');
  socket.write('still there\n');
  assert.equal(String((await event(socket, 'data'))[0]), 'still there\n');
  await pool.command('trust', 'distrust', members, '--apply-to-open');
  await ended;
});

/** A member's session with a program whose pool is inside `wrap`; `ended` when it is. */
async function openSession() {
  await using parts = new AsyncDisposableStack();
  const pool = parts.use(await Pool.create([[name], [member, '--role', 'client']]));
  await pool.command('authz', 'allow', member, '--to', name);
  const program = ['sh', '-c', 'echo in; cat'];
  const served = parts.use(await wrapped(pool, ['--standalone', '--inetd'], program));
  const server = ['--client', '--connect', `127.0.0.1:${served.port}`, '--remote-id', name];
  const tunnel = parts.use(await tunnelled(pool, '--standalone', ...server, '--local-id', member));
  const socket = connect(tunnel.port, '127.0.0.1');
  parts.defer(() => {
    socket.destroy();
  });
  assert.equal(String((await event(socket, 'data'))[0]), 'in\n');
  const all = parts.move();
  const dispose = { [Symbol.asyncDispose]: () => all.disposeAsync() };
  return { pool, served, socket, ended: cutOff(socket), ...dispose };
}
