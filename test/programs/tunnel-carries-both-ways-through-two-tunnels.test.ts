import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../patience.ts';
import { name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
});
after(() => stage.disposeAsync());

/** A tunnel into TLS that leads to one out of it, which leads to `target`. */
async function twoTunnels(parts: AsyncDisposableStack, target: PlainServer): Promise<Served> {
  const server = parts.use(await tunnelled(pool, '--connect', target.address));
  const expecting = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name];
  return parts.use(await tunnelled(pool, '--client', ...expecting));
}

function halfOpen(port: number): Socket {
  return connect({ port, host: '127.0.0.1', allowHalfOpen: true });
}

test('plaintext goes into TLS and out again, and back', async () => {
  await using parts = new AsyncDisposableStack();
  const { port } = await twoTunnels(parts, parts.use(await PlainServer.echo()));
  const socket = halfOpen(port);
  socket.end('there and back');
  assert.equal(await readAll(socket), 'there and back');
});

test('the client may end its direction long before the server answers', async () => {
  await using parts = new AsyncDisposableStack();
  const late = await PlainServer.start(async (socket) => {
    const request = await readAll(socket);
    setTimeout(() => socket.end(`${request.length} bytes`), 300);
  });
  const { port } = await twoTunnels(parts, parts.use(late));
  const socket = halfOpen(port);
  socket.end('x'.repeat(100_000));
  assert.equal(await readAll(socket), '100000 bytes');
});

test('the server may end its direction first, and still be told something', async () => {
  await using parts = new AsyncDisposableStack();
  const heard = Promise.withResolvers<string>();
  const talker = await PlainServer.start((socket) => {
    socket.end('I have said everything');
    heard.resolve(readAll(socket));
  });
  const { port } = await twoTunnels(parts, parts.use(talker));
  const socket = halfOpen(port);
  assert.equal(await readAll(socket), 'I have said everything');
  socket.end('but I have not');
  assert.equal(await heard.promise, 'but I have not');
});

test('a server that is not whom the client expects is not talked to', async () => {
  await using parts = new AsyncDisposableStack();
  let reached = false;
  const target = parts.use(
    await PlainServer.start(() => {
      reached = true;
    }),
  );
  const server = parts.use(await tunnelled(pool, '--connect', target.address));
  const expecting = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', 'other.example.com'];
  const client = parts.use(await tunnelled(pool, '--client', ...expecting));
  const socket = halfOpen(client.port);
  socket.on('error', () => undefined).end('secret');
  socket.resume();
  await until('the end of the connection', () => socket.closed);
  assert.equal(socket.bytesRead, 0);
  await client.running.saying(/other\.example\.com/);
  assert.equal(reached, false);
});
