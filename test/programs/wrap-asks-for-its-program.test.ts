import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
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

  // They are gathered before they are written.
  const expected = [false, true, true];
  let seen: boolean[] = [];
  for (let tries = 0; seen.length < expected.length && tries < 20; tries += 1) {
    const { decisions } = JSON.parse(await pool.command('authz', 'log', '--json'));
    const ours = decisions.filter((one: { uid?: number }) => one.uid === USER);
    seen = ours.map((one: { allowed: boolean }) => one.allowed);
  }
  assert.deepEqual(seen, expected);
});
