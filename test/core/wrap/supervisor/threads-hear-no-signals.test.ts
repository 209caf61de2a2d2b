import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { closeFd, socketPair } from '../../../../src/core/engine/sockets.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { until } from '../../../patience.ts';
import { blockedSignals } from '../../../processes.ts';

test('the threads that answer for the kernel hear no signals, which would interrupt their answers', async () => {
  const [channel, other] = socketPair();
  nativeSupervisor().supervisionStart(channel);
  const all = () =>
    ['tlspool-traps', 'tlspool-handler'].flatMap((name) => blockedSignals('self', name));
  await until('the threads', () => all().length === 4);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGCHLD', 'SIGWINCH', 'SIGUSR1'] as const) {
    const bit = 1n << BigInt(constants.signals[signal] - 1);
    for (const blocked of all()) assert.ok(blocked & bit, signal);
  }
  closeFd(other);
  await until('their end', () => all().length === 0);
});
