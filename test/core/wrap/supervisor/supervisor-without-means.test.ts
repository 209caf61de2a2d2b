import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { closeFd, socketPair } from '../../../../src/core/engine/sockets.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { skip, withoutThreads } from '../../../without-threads.ts';

test('without means for threads nothing is supervised, which is an error, and the channel is closed', {
  skip,
}, () => {
  const [channel, other] = socketPair();
  const native = nativeSupervisor();
  const isOpen = () => existsSync(`/proc/self/fd/${channel}`);
  assert.ok(isOpen());
  withoutThreads(() => assert.throws(() => native.supervisionStart(channel), { code: 'EAGAIN' }));
  assert.ok(!isOpen());
  closeFd(other);
});
