import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  connectWay,
  type ReceivedDatagram,
  receiveAny,
  sendBack,
  tellWays,
} from '../../../src/core/engine/datagram-ways.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { until } from '../../patience.ts';

async function caller(kind: 'udp4' | 'udp6', address: string): Promise<Socket> {
  const socket = createSocket(kind).bind(0, address);
  await once(socket, 'listening');
  return socket;
}

async function nextOf(listener: number, room: Buffer): Promise<ReceivedDatagram> {
  let received: ReceivedDatagram | undefined;
  await until('a datagram', () => {
    received = receiveAny(listener, room);
    return received !== undefined;
  });
  return received ?? assert.fail();
}

const places = [
  { bound: '0.0.0.0', kind: 'udp4', from: '127.0.0.1', to: '127.0.0.9', seen: '127.0.0.1' },
  { bound: '::', kind: 'udp4', from: '127.0.0.1', to: '127.0.0.9', seen: '::ffff:127.0.0.1' },
  { bound: '::', kind: 'udp6', from: '::1', to: '::1', seen: '::1' },
] as const;

for (const { bound, kind, from, to, seen } of places) {
  test(`who asks ${to} of a socket at ${bound} is answered from there, and heard there`, async () => {
    const listener = sockets.bindUdp(bound, 0);
    const port = sockets.socketAddresses(listener).local?.port ?? 0;
    tellWays(listener);
    const one = await caller(kind, from);
    const room = Buffer.alloc(100);
    let connected: number | undefined;
    try {
      one.send('question', port, to);
      const received = await nextOf(listener, room);
      assert.equal(room.toString('utf8', 0, received.bytes), 'question');
      const answered = once(one, 'message');
      assert.ok(sendBack(listener, Buffer.from('answer'), received));
      const [answer, sender] = await answered;
      assert.equal(String(answer), 'answer');
      assert.deepEqual([sender.address, sender.port], [to, port]);
      connected = connectWay(listener, received);
      const ends = sockets.socketAddresses(connected);
      assert.deepEqual(ends.remote, { address: seen, port: one.address().port });
      assert.deepEqual(ends.local, { address: seen.replace(from, to), port });
      // What it says now comes to that one; others still to the first.
      one.send('more', port, to);
      const fd = connected;
      await until('more', () => sockets.receive(fd, room, 0)?.bytes === 4);
      assert.equal(receiveAny(listener, room), undefined);
      const other = await caller(kind, from);
      other.send('another', port, to);
      assert.equal((await nextOf(listener, room)).bytes, 7);
      other.close();
    } finally {
      if (connected !== undefined) sockets.closeFd(connected);
      sockets.closeFd(listener);
      one.close();
    }
  });
}

test('of a datagram that is too large the beginning is there, and its size', async () => {
  const listener = sockets.bindUdp('127.0.0.1', 0);
  tellWays(listener);
  const one = await caller('udp4', '127.0.0.1');
  try {
    one.send(
      Buffer.alloc(1_000, 'x'),
      sockets.socketAddresses(listener).local?.port ?? 0,
      '127.0.0.1',
    );
    const room = Buffer.alloc(10);
    assert.equal((await nextOf(listener, room)).bytes, 1_000);
    assert.equal(String(room), 'x'.repeat(10));
  } finally {
    sockets.closeFd(listener);
    one.close();
  }
});

test('what is no way is refused', () => {
  const listener = sockets.bindUdp('127.0.0.1', 0);
  try {
    for (const size of [0, 1, 15, 16, 200]) {
      const way = { remote: Buffer.alloc(size), local: Buffer.alloc(size) };
      assert.throws(() => sendBack(listener, Buffer.alloc(1), way), { code: 'EINVAL' });
      assert.throws(() => connectWay(listener, way), { code: 'EINVAL' });
    }
  } finally {
    sockets.closeFd(listener);
  }
});
