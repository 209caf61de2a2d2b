import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeFd, listenTcp, socketAddresses } from '../../src/core/engine/sockets.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { Running, tlspoolCommand } from './stage/running.ts';

const launcher = fileURLToPath(new URL('../../build/launcher', import.meta.url));
const server = fileURLToPath(new URL('stage/activation-server.py', import.meta.url));

test('a socket opened by the service manager is served, and the program gets its own', async () => {
  await using pool = await Pool.serving([[name]]);
  const listener = listenTcp('127.0.0.1', 0);
  const port = socketAddresses(listener).local?.port ?? 0;
  const wrap = tlspoolCommand('wrap', '--listen', '@my.socket', '--');
  await using running = new Running(
    launcher,
    ['--listen-fds', '1', '--fdnames', 'my.socket', '--', ...wrap, 'python3', server],
    { env: pool.environment, stdio: ['ignore', 'pipe', 'pipe', listener] },
  );
  closeFd(listener);
  await running.saying(new RegExp(`127\\.0\\.0\\.1:${port}: serving as`));
  const socket = await connected(pool, port);
  socket.end();
  const [greeting] = (await readAll(socket)).split('\n');
  assert.deepEqual(JSON.parse(greeting ?? ''), { name: 'my.socket', family: 'AF_UNIX' });
  socket.destroy();
});

test('a socket that no --listen takes is refused', async () => {
  await using pool = await Pool.serving([[name]]);
  const listener = listenTcp('127.0.0.1', 0);
  const wrap = tlspoolCommand('wrap', '--listen', '127.0.0.1:0', '--', 'true');
  await using running = new Running(
    launcher,
    ['--listen-fds', '1', '--fdnames', 'forgotten', '--', ...wrap],
    { env: pool.environment, stdio: ['ignore', 'pipe', 'pipe', listener] },
  );
  closeFd(listener);
  assert.equal(await running.ended, 125);
  assert.match(running.stderr, /no --listen takes: forgotten/);
});
