import assert from 'node:assert/strict';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect, type Secured, starttls } from '../../src/client/index.ts';
import { event } from '../patience.ts';
import { connected, readAll } from '../programs/stage/clients.ts';
import { Pool } from '../programs/stage/pool.ts';

const name = 'www.example.com';
let pool: Pool;

before(async () => {
  pool = await Pool.serving([[name], ['john@example.com', '--role', 'client']]);
});

after(async () => {
  await pool[Symbol.asyncDispose]();
});

/** A server whose connections are given to `serve` before anything was read from them. */
async function serving(serve: (socket: Socket) => void) {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, serve);
  await event(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.dispose]: () => server.close() };
}

test('a net.Socket goes in, and one with TLS behind it comes out', async () => {
  const { socket: pool1 } = pool;
  const secured = Promise.withResolvers<Secured>();
  using server = await serving((socket) => {
    starttls(socket, {
      pool: { socket: pool1 },
      role: 'server',
      localId: name,
      alpn: ['h2', 'http/1.1'],
      flags: { ignoreRemoteId: true },
    }).then(secured.resolve, secured.reject);
  });
  const client = await connected(pool, server.port, { ALPNProtocols: ['http/1.1'] });
  const { socket, localId, remoteId, session } = await secured.promise;
  assert.deepEqual({ localId, remoteId }, { localId: name, remoteId: '' });
  const details = await session.details();
  assert.equal(details.version, 'TLSv1.3');
  assert.equal(details.group, 'X25519MLKEM768');
  assert.equal(details.alpn, 'http/1.1');
  socket.end('from the server');
  client.end('from the client');
  assert.equal(await readAll(client), 'from the server');
  assert.equal(await readAll(socket), 'from the client');
});

test('both sides prove who they are', async () => {
  const served = Promise.withResolvers<Secured>();
  const shared = await connect({ socket: pool.socket });
  using server = await serving((socket) => {
    starttls(socket, { pool: shared, role: 'server' }).then(served.resolve, served.reject);
  });
  const plain = connectTcp(server.port, '127.0.0.1');
  await event(plain, 'connect');
  const client = await starttls(plain, {
    pool: shared,
    role: 'client',
    localId: 'john@example.com',
    remoteId: name,
  });
  const { socket, localId, remoteId } = await served.promise;
  assert.deepEqual([localId, remoteId], [name, 'john@example.com']);
  assert.deepEqual([client.localId, client.remoteId], ['john@example.com', name]);
  socket.destroy();
  client.socket.resume();
  await event(client.socket, 'close');
  shared.close();
});

test('a server that is somebody else is refused, with the reason', async () => {
  const shared = await connect({ socket: pool.socket });
  using server = await serving((socket) => {
    starttls(socket, {
      pool: shared,
      role: 'server',
      localId: name,
      flags: { ignoreRemoteId: true },
    }).catch(() => undefined);
  });
  const plain = connectTcp(server.port, '127.0.0.1');
  await event(plain, 'connect');
  await assert.rejects(
    starttls(plain, { pool: shared, role: 'client', remoteId: 'other.example.com' }),
    { code: 'stirred-not-shaken', message: /www\.example\.com, not for other\.example\.com/ },
  );
  shared.close();
});

test('a socket from which Node has read is refused, and nothing is left open', async () => {
  using server = await serving((socket) => socket.end('too early'));
  const plain = connectTcp(server.port, '127.0.0.1');
  await event(plain, 'readable');
  const options = { pool: { socket: pool.socket }, role: 'client', remoteId: name } as const;
  await assert.rejects(starttls(plain, options), { code: 'already-read' });
  assert.ok(plain.destroyed);
});

test('a socket that is not connected is refused', async () => {
  const options = { pool: { socket: pool.socket }, role: 'client', remoteId: name } as const;
  const { Socket } = await import('node:net');
  await assert.rejects(starttls(new Socket(), options), { code: 'not-connected' });
});

test('without a pool the error says so, for commands to end with 3', async () => {
  await assert.rejects(connect({ socket: `${pool.folder}/none` }), { code: 'no-daemon', exit: 3 });
});

test('what is given up by an AbortSignal is rejected at once, and the other side let go', async () => {
  const shared = await connect({ socket: pool.socket });
  const met = Promise.withResolvers<Socket>();
  using server = await serving((socket) => met.resolve(socket));
  const plain = connectTcp(server.port, '127.0.0.1');
  await event(plain, 'connect');
  const abort = new AbortController();
  const role = 'client' as const;
  const options = { pool: shared, role, remoteId: name, timeout: Number.POSITIVE_INFINITY };
  const asked = starttls(plain, { ...options, signal: abort.signal });
  const other = await met.promise;
  const hello = event(other, 'data');
  other.resume();
  await hello;
  abort.abort();
  await assert.rejects(asked, { name: 'AbortError' });
  await event(other, 'end');
  await pool.daemon.saying(/the program gave it up/);
  other.destroy();
  shared.close();
});

test('a handshake takes no longer than it may', async () => {
  const shared = await connect({ socket: pool.socket });
  using server = await serving(() => undefined);
  const plain = connectTcp(server.port, '127.0.0.1');
  await event(plain, 'connect');
  await assert.rejects(
    starttls(plain, { pool: shared, role: 'client', remoteId: name, timeout: 100 }),
    { code: 'ETIMEDOUT' },
  );
  shared.close();
});
