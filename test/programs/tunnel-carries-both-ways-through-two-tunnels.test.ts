import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

let pool: Pool;
let echo: PlainServer;
let server: Served;
let client: Served;

before(async () => {
  pool = await Pool.serving([[name]]);
  echo = await PlainServer.echo();
  server = await tunnelled(pool, '--connect', echo.address);
  const remote = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name];
  client = await tunnelled(pool, '--client', ...remote);
});

after(async () => {
  await client.running[Symbol.asyncDispose]();
  await server.running[Symbol.asyncDispose]();
  await echo[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
});

test('plaintext goes into TLS and out again, and back', async () => {
  const socket = connect(client.port, '127.0.0.1');
  socket.end('there and back');
  assert.equal(await readAll(socket), 'there and back');
});

test('one direction may end long before the other', async () => {
  const late = await PlainServer.start(async (socket) => {
    const request = await readAll(socket);
    await new Promise((resolve) => setTimeout(resolve, 300));
    socket.end(`${request.length} bytes`);
  });
  const inner = await tunnelled(pool, '--connect', late.address);
  const outer = await tunnelled(
    pool,
    ...['--client', '--connect', `127.0.0.1:${inner.port}`, '--remote-id', name],
  );
  const socket = connect({ port: outer.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end('x'.repeat(100_000));
  assert.equal(await readAll(socket), '100000 bytes');
  for (const thing of [inner.running, outer.running, late]) await thing[Symbol.asyncDispose]();
});

test('the server may end first, and still be told something', async () => {
  let heard = '';
  const talker = await PlainServer.start(async (socket) => {
    socket.end('I have said everything');
    heard = await readAll(socket);
  });
  const inner = await tunnelled(pool, '--connect', talker.address);
  const outer = await tunnelled(
    pool,
    ...['--client', '--connect', `127.0.0.1:${inner.port}`, '--remote-id', name],
  );
  const socket = connect({ port: outer.port, host: '127.0.0.1', allowHalfOpen: true });
  assert.equal(await readAll(socket), 'I have said everything');
  socket.end('but I have not');
  await once(socket, 'close');
  while (heard === '') await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(heard, 'but I have not');
  for (const thing of [inner.running, outer.running, talker]) await thing[Symbol.asyncDispose]();
});

test('a server that is not whom the client expects is not talked to', async () => {
  const stranger = await tunnelled(
    pool,
    ...['--client', '--connect', `127.0.0.1:${server.port}`, '--remote-id', 'other.example.com'],
  );
  const before = echo.open;
  const socket = connect(stranger.port, '127.0.0.1');
  socket.on('error', () => undefined).end('secret');
  await once(socket, 'close');
  assert.equal(socket.bytesRead, 0);
  assert.equal(echo.open, before);
  await stranger.running[Symbol.asyncDispose]();
});
