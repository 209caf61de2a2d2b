import assert from 'node:assert/strict';
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { name } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled } from './stage/wrapped.ts';

const total = 2 * 1024 ** 3;
const block = 1024 ** 2;

test('2 GiB each way at once through one session arrive intact', { timeout: 600_000 }, async () => {
  await using pool = await Pool.serving([[name]]);
  const far = Promise.withResolvers<Traffic>();
  await using server = await PlainServer.start((socket) => exchange(socket).then(far.resolve));
  await using inner = await tunnelled(pool, '--connect', server.address);
  const expected = ['--connect', `127.0.0.1:${inner.port}`, '--remote-id', name];
  await using outer = await tunnelled(pool, '--client', ...expected);

  const socket = connect({ port: outer.port, host: '127.0.0.1', allowHalfOpen: true });
  const [there, here] = await Promise.all([far.promise, exchange(socket)]);
  assert.equal(there.received, total);
  assert.equal(here.received, total);
  assert.equal(there.heard, here.said);
  assert.equal(here.heard, there.said);
});

interface Traffic {
  /** Hash of what this side sent, and of what it received. */
  readonly said: string;
  readonly heard: string;
  readonly received: number;
}

async function exchange(socket: Socket): Promise<Traffic> {
  const [said, { heard, received }] = await Promise.all([send(socket), receive(socket)]);
  return { said, heard, received };
}

/** Random blocks, each different: what is lost, repeated or swapped changes the hash. */
async function send(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  const content = randomBytes(block);
  for (let sent = 0; sent < total; sent += block) {
    content.writeBigUInt64LE(BigInt(sent));
    hash.update(content);
    if (!socket.write(Buffer.from(content))) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

async function receive(socket: Socket): Promise<{ heard: string; received: number }> {
  const hash: Hash = createHash('sha256');
  let received = 0;
  // Not by iteration, which destroys the socket at the end of this direction, with the other one under way.
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    received += chunk.length;
  });
  await once(socket, 'end');
  return { heard: hash.digest('hex'), received };
}
