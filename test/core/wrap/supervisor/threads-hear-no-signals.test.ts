import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import { closeFd, socketPair } from '../../../../src/core/engine/sockets.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { until } from '../../../patience.ts';

/** Of each thread of this process that has this name, the signals that it blocks, as bits. */
function blockedBy(name: string): bigint[] {
  const tasks = '/proc/self/task';
  return readdirSync(tasks)
    .filter((task) => readFileSync(`${tasks}/${task}/comm`, 'utf8').trim() === name)
    .map((task) => {
      const status = readFileSync(`${tasks}/${task}/status`, 'utf8');
      return BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(status)?.[1]}`);
    });
}

test('the threads that answer for the kernel hear no signals, which would interrupt their answers', async () => {
  const [channel, other] = socketPair();
  nativeSupervisor().supervisionStart(channel);
  const all = () => [...blockedBy('tlspool-traps'), ...blockedBy('tlspool-handler')];
  await until('the threads', () => all().length === 4);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGCHLD', 'SIGWINCH', 'SIGUSR1'] as const) {
    const bit = 1n << BigInt(constants.signals[signal] - 1);
    for (const blocked of all()) assert.ok(blocked & bit, signal);
  }
  closeFd(other);
  await until('their end', () => all().length === 0);
});
