import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFd, listenTcp, socketAddresses } from '../../../src/core/engine/sockets.ts';
import type { ActivatedSocket } from '../../../src/core/wrap/activation.ts';
import {
  openPublicListeners,
  type PublicListener,
  parseListenOrder,
} from '../../../src/core/wrap/public-listener.ts';

function activated(name: string): ActivatedSocket & { local: { address: string; port: number } } {
  const fd = listenTcp('127.0.0.1', 0);
  return { fd, name, local: socketAddresses(fd).local ?? assert.fail('no address') };
}

function open(orders: readonly string[], sockets: readonly ActivatedSocket[] = []) {
  return openPublicListeners(orders.map(parseListenOrder), sockets);
}

function closeAll(listeners: readonly PublicListener[]): void {
  for (const { fds } of listeners) fds.forEach(closeFd);
}

test('an order has a place and may have a name', () => {
  const address = { host: '::1', port: 443 };
  assert.deepEqual(parseListenOrder('[::1]:443'), { from: 'address', name: undefined, address });
  assert.deepEqual(parseListenOrder('web=[::1]:443'), { from: 'address', name: 'web', address });
  assert.deepEqual(parseListenOrder('@'), {
    from: 'activation',
    name: undefined,
    activated: undefined,
  });
  assert.deepEqual(parseListenOrder('web=@tlspool.socket'), {
    from: 'activation',
    name: 'web',
    activated: 'tlspool.socket',
  });
});

test('names that LISTEN_FDNAMES cannot carry are refused', () => {
  for (const name of ['', 'a:b', 'a\nb', 'é', 'x'.repeat(256)]) {
    assert.throws(() => parseListenOrder(`${name}=127.0.0.1:0`), { code: 'usage' }, name);
  }
});

test('ports are opened, and named unknown if nobody named them', async () => {
  const listeners = await open(['web=127.0.0.1:0', '127.0.0.1:0']);
  assert.deepEqual(
    listeners.map(({ name }) => name),
    ['web', 'unknown'],
  );
  closeAll(listeners);
});

test('an address that activation has a socket for is taken from there', async () => {
  const socket = activated('tlspool.socket');
  const listeners = await open([`127.0.0.1:${socket.local.port}`], [socket]);
  assert.deepEqual(listeners, [{ name: 'tlspool.socket', fds: [socket.fd] }]);
  closeAll(listeners);
});

test('sockets of activation are taken by name, or all of them', async () => {
  const sockets = [activated('a'), activated('b'), activated('a')];
  const [one, two, three] = sockets.map(({ fd }) => fd);
  const byName = await open(['x=@b', '@a'], sockets);
  assert.deepEqual(byName, [
    { name: 'x', fds: [two] },
    { name: 'a', fds: [one] },
    { name: 'a', fds: [three] },
  ]);
  assert.equal((await open(['@'], sockets)).length, 3);
  closeAll(byName);
});

test('a socket of activation that nobody takes is an error that names it', async () => {
  const socket = activated('forgotten');
  const message = `socket activation passed sockets that no --listen takes: forgotten (127.0.0.1:${socket.local.port})`;
  await assert.rejects(open(['127.0.0.1:0'], [socket]), { message });
  await assert.rejects(open(['@other'], [socket]), /no socket named other/);
  await assert.rejects(open(['@'], []), /passed no socket/);
  closeFd(socket.fd);
});

test('when one address cannot be had, the others are given back', async () => {
  const taken = activated('');
  const free = activated('');
  closeFd(free.fd);
  const orders = [`127.0.0.1:${free.local.port}`, `127.0.0.1:${taken.local.port}`];
  await assert.rejects(open(orders), {
    code: 'cannot-listen',
    message: `cannot listen on 127.0.0.1:${taken.local.port}: address already in use`,
  });
  closeAll(await open(orders.slice(0, 1)));
  closeFd(taken.fd);
});
