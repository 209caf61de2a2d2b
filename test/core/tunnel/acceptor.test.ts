import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { closeFd, listenTcp, socketAddresses } from '../../../src/core/engine/sockets.ts';
import { Acceptor } from '../../../src/core/tunnel/acceptor.ts';

const failed = (error: Error) => assert.fail(error);

function listener(): { fd: number; port: number } {
  const fd = listenTcp('127.0.0.1', 0);
  return { fd, port: socketAddresses(fd).local?.port ?? assert.fail('no port') };
}

async function clients(count: number, port: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

test('nothing is accepted before it is asked for, and nothing while paused', async () => {
  const { fd, port } = listener();
  const accepted: number[] = [];
  const acceptor = new Acceptor(fd, { connection: (client) => accepted.push(client), failed });
  const first = await clients(3, port);
  assert.equal(accepted.length, 0);
  acceptor.resume();
  while (accepted.length < 3) await tick();
  acceptor.pause();
  const second = await clients(2, port);
  await tick();
  assert.equal(accepted.length, 3);
  acceptor.resume();
  while (accepted.length < 5) await tick();
  acceptor.close();
  for (const socket of [...first, ...second]) socket.destroy();
  accepted.forEach(closeFd);
});

test('a pause in the middle of a batch leaves the rest in the queue', async () => {
  const { fd, port } = listener();
  const accepted: number[] = [];
  const acceptor = new Acceptor(fd, {
    connection: (client) => {
      accepted.push(client);
      acceptor.pause();
    },
    failed,
  });
  const sockets = await clients(4, port);
  acceptor.resume();
  while (accepted.length < 1) await tick();
  await tick();
  assert.equal(accepted.length, 1);
  acceptor.close();
  for (const socket of sockets) socket.destroy();
  accepted.forEach(closeFd);
});

test('a listener that is none is reported once and given up', async () => {
  const { fd, port } = listener();
  const [client] = await clients(1, port);
  const accepted: number[] = [];
  const real = new Acceptor(fd, { connection: (peer) => accepted.push(peer), failed });
  real.resume();
  while (accepted.length < 1) await tick();
  const failures: string[] = [];
  const acceptor = new Acceptor(accepted[0] ?? -1, {
    connection: () => assert.fail('a connection from a connected socket'),
    failed: (error) => failures.push(error.code),
  });
  acceptor.resume();
  // Unread, it turns the end of this connection into a reset.
  client?.on('error', () => undefined).write('x');
  while (failures.length === 0) await tick();
  await tick();
  assert.deepEqual(failures, ['EINVAL']);
  real.close();
  client?.destroy();
});

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
