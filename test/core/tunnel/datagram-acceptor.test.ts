import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { DatagramAcceptor } from '../../../src/core/tunnel/datagram-acceptor.ts';
import { until } from '../../patience.ts';

async function caller(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

function read(fd: number): string {
  const room = Buffer.alloc(1_000);
  return room.toString('utf8', 0, sockets.receive(fd, room, 0)?.bytes ?? 0);
}

test('each one that sends something gets a socket of its own, in which that is', async () => {
  const listener = sockets.bindUdp('127.0.0.1', 0);
  const port = sockets.socketAddresses(listener).local?.port ?? 0;
  const accepted: number[] = [];
  const acceptor = new DatagramAcceptor(listener, {
    connection: (fd) => accepted.push(fd),
    failed: assert.fail,
  });
  const callers = [await caller(), await caller(), await caller()];
  try {
    acceptor.resume();
    for (const [number, one] of callers.entries()) {
      one.send(`first of ${number}`, port, '127.0.0.1');
      await until('a connection', () => accepted.length === number + 1);
      const fd = accepted[number] ?? assert.fail();
      assert.equal(sockets.socketAddresses(fd).remote?.port, one.address().port);
      assert.equal(read(fd), `first of ${number}`);
    }
    // What they say later comes there, and nowhere else.
    for (const [number, one] of callers.entries()) {
      one.send(`more of ${number}`, port, '127.0.0.1');
      const heard: string[] = [];
      await until(
        'a datagram',
        () => heard.push(read(accepted[number] ?? -1)) > 0 && heard.at(-1) !== '',
      );
      assert.equal(heard.at(-1), `more of ${number}`);
    }
    assert.equal(accepted.length, callers.length);
  } finally {
    acceptor.close();
    for (const fd of accepted) sockets.closeFd(fd);
    for (const one of callers) one.close();
  }
});

test('nothing is taken while it is paused', async () => {
  const listener = sockets.bindUdp('127.0.0.1', 0);
  const port = sockets.socketAddresses(listener).local?.port ?? 0;
  const accepted: number[] = [];
  const events = { connection: (fd: number) => accepted.push(fd), failed: assert.fail };
  const acceptor = new DatagramAcceptor(listener, events);
  const one = await caller();
  try {
    one.send('hello', port, '127.0.0.1');
    await until('the datagram', () => sockets.peekSender(listener) !== undefined);
    await new Promise(setImmediate);
    assert.deepEqual(accepted, []);
    acceptor.resume();
    await until('a connection', () => accepted.length === 1);
    assert.equal(read(accepted[0] ?? -1), 'hello');
  } finally {
    acceptor.close();
    for (const fd of accepted) sockets.closeFd(fd);
    one.close();
  }
});

test('a port that somebody has is not shared with others', () => {
  const listener = sockets.bindUdp('127.0.0.1', 0);
  const port = sockets.socketAddresses(listener).local?.port ?? 0;
  const beside = sockets.bindBeside(listener);
  try {
    assert.throws(() => sockets.bindUdp('127.0.0.1', port), { code: 'EADDRINUSE' });
  } finally {
    sockets.closeFd(listener);
    sockets.closeFd(beside);
  }
});
