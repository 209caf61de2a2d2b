import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFd, listenTcp, socketAddresses } from '../../../../src/core/engine/sockets.ts';
import { DataListeners } from '../../../../src/core/wrap/data/data-listeners.ts';

/** A listener under a number, as the program opens it; `unnamed` is what was told of. */
function opened(listeners: DataListeners, cookie: number, unnamed: number[]): number {
  const fd = listenTcp('127.0.0.1', 0, { backlog: 8 });
  listeners.add(fd, cookie, () => unnamed.push(cookie));
  return socketAddresses(fd).local?.port ?? 0;
}

function closed(listeners: DataListeners): void {
  for (const [cookie] of listeners.all) listeners.close(cookie);
}

test('a server is expected to listen from when it is asked to until it has answered', () => {
  const listeners = new DataListeners();
  assert.equal(listeners.awaited, false);
  using control = listeners.attend('server');
  assert.equal(listeners.awaited, false);
  control.asked();
  assert.equal(listeners.awaited, true);
  control.answered();
  assert.equal(listeners.awaited, false);
});

test('the listener that the answer names is for data, the one beside it is not', () => {
  const listeners = new DataListeners();
  const unnamed: number[] = [];
  using control = listeners.attend('server');
  control.asked();
  opened(listeners, 1, unnamed);
  const port = opened(listeners, 2, unnamed);
  assert.equal(listeners.name('127.0.0.1', port), 2);
  assert.deepEqual(unnamed, []);
  control.answered();
  assert.deepEqual(unnamed, [1]);
  assert.equal(listeners.giveBack(2), undefined);
  const fd = listeners.giveBack(1);
  assert.ok(fd !== undefined);
  closeFd(fd);
  closed(listeners);
});

test('with two that were asked, either may name it', () => {
  const listeners = new DataListeners();
  const unnamed: number[] = [];
  using first = listeners.attend('server');
  using second = listeners.attend('server');
  first.asked();
  second.asked();
  opened(listeners, 1, unnamed);
  first.answered();
  assert.deepEqual(unnamed, []);
  second.answered();
  assert.deepEqual(unnamed, [1]);
  closed(listeners);
});

test('a control connection that ends names nothing any more', () => {
  const listeners = new DataListeners();
  const unnamed: number[] = [];
  {
    using control = listeners.attend('server');
    control.asked();
    opened(listeners, 1, unnamed);
    assert.deepEqual(unnamed, []);
  }
  assert.deepEqual(unnamed, [1]);
  closed(listeners);
});

test('a client listens when it likes, and names that in its next command or never', () => {
  const listeners = new DataListeners();
  const unnamed: number[] = [];
  using control = listeners.attend('client');
  assert.equal(listeners.awaited, true);
  const port = opened(listeners, 1, unnamed);
  assert.equal(listeners.name('127.0.0.1', port), 1);
  control.answered();
  opened(listeners, 2, unnamed);
  assert.deepEqual(unnamed, []);
  control.answered();
  assert.deepEqual(unnamed, [2]);
  closed(listeners);
});

test('one that nobody can name is told of at once', () => {
  const listeners = new DataListeners();
  const unnamed: number[] = [];
  opened(listeners, 1, unnamed);
  assert.deepEqual(unnamed, [1]);
  closed(listeners);
});
