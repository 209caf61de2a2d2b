import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../patience.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort, freePortOfRoot } from './stage/ports.ts';
import { wrappedWhole } from './stage/wrapped.ts';

const USER = 61_001;

/** Gives root up, listens, and greets whoever comes. */
const server = `
import os, socket
os.setgroups([]); os.setgid(${USER}); os.setuid(${USER})
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.sendall(b"hello\\n")
    connection.close()
`;

/** Takes a port as root, gives root up, and only then listens. */
const lateServer = (port: number) => `
import os, socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", ${port}))
os.setgroups([]); os.setgid(${USER}); os.setuid(${USER})
listener.listen()
connection, _ = listener.accept()
connection.sendall(b"hello\\n")
`;

const onlyRoot = process.getuid?.() === 0 ? false : 'it takes root to become somebody else';

test('a program is judged as the user that it is when it listens, not as wrap', {
  skip: onlyRoot,
}, async () => {
  await using pool = await Pool.serving([[name]]);
  const command = ['/usr/bin/python3', '-c', server];
  await using refused = pool.start('wrap', '--', ...command);
  assert.equal(await refused.ended, 125, refused.stderr);
  assert.match(refused.stderr, new RegExp(`user ${USER} may not act as ${name}`));
  assert.match(refused.stderr, /tlspool authz allow-program --user 61001 --as www\.example\.com/);

  await pool.command('authz', 'allow-program', '--user', String(USER), '--as', name);
  await using served = await wrappedWhole(pool, [], command);
  const client = await connected(pool, served.port);
  assert.equal(await readAll(client), 'hello\n', served.running.stderr);
  client.destroy();

  const expected = [false, true, true];
  let seen: boolean[] = [];
  // They are gathered before they are written.
  await until('the last decision', async () => {
    const { decisions } = JSON.parse(await pool.command('authz', 'log', '--json'));
    const ours = decisions.filter((one: { uid?: number }) => one.uid === USER);
    seen = ours.map((one: { allowed: boolean }) => one.allowed);
    return seen.length >= expected.length;
  });
  assert.deepEqual(seen, expected);
});

test("a port that root took is root's, whoever listens there; other ports are not", {
  skip: onlyRoot,
}, async () => {
  await using pool = await Pool.serving([[name]]);
  const port = await freePortOfRoot();
  const late = (at: number) => ['/usr/bin/python3', '-c', lateServer(at)];
  await using served = await wrappedWhole(pool, ['--tls', `${port}`], late(port));
  const client = await connected(pool, served.port);
  assert.equal(await readAll(client), 'hello\n', served.running.stderr);
  client.destroy();
  assert.equal(await served.running.ended, 0, served.running.stderr);

  await using refused = pool.start('wrap', '--', ...late(await freePort()));
  assert.equal(await refused.ended, 125, refused.stderr);
  assert.match(refused.stderr, new RegExp(`user ${USER} may not act as ${name}`));
});
