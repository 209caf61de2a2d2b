import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  killDescendants,
  parentOf,
  readProcess,
  signalWaits,
  startOf,
} from '../../../src/core/engine/process.ts';
import { until } from '../../patience.ts';

test('a process has its parent and its start, as /proc tells them, until it is gone', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  assert.equal(parentOf(pid), process.pid);
  assert.equal(startOf(pid), readProcess(pid)?.started);
  // Remembered now.
  assert.equal(startOf(pid), readProcess(pid)?.started);
  assert.notEqual(startOf(pid), 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(startOf(pid), 0);
  assert.equal(parentOf(pid), 0);
});

test('more processes than are remembered each have their own start', async () => {
  const children = Array.from({ length: 70 }, () =>
    spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }),
  );
  try {
    for (const { pid = 0 } of children) assert.equal(startOf(pid), readProcess(pid)?.started);
    for (const { pid = 0 } of children) assert.equal(startOf(pid), readProcess(pid)?.started);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});

test('more children than a call takes are not left alone by chance: it is refused', () => {
  const gone = Array.from({ length: 9 }, (_, index) => 2 ** 22 + 1 + index);
  assert.throws(() => killDescendants(...gone), TypeError);
});

test('a signal waits that a thread did not take, and neither blocks nor ignores; who is gone does not wait', async () => {
  const script = `
import signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
`;
  const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    assert.equal(signalWaits(pid), false);
    child.kill('SIGUSR1');
    child.kill('SIGUSR2');
    assert.equal(signalWaits(pid), false);
    // A process that is stopped takes none.
    child.kill('SIGSTOP');
    await until('the stop', () => {
      child.kill('SIGTERM');
      return signalWaits(pid);
    });
  } finally {
    child.kill('SIGKILL');
  }
  assert.equal(signalWaits(2 ** 22 + 1), true);
});
