import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineageOf } from '../../../../src/core/wrap/names/lineage.ts';

test('a process, its parent, and so on up to the root', () => {
  assert.deepEqual(lineageOf(process.pid, process.ppid), [process.pid]);
  assert.deepEqual(lineageOf(process.pid, 1).slice(0, 2), [process.pid, process.ppid]);
  assert.deepEqual(lineageOf(process.pid, process.pid), []);
});

test('a process that is gone has no ancestors any more', () => {
  assert.deepEqual(lineageOf(2 ** 22 + 1, 1), [2 ** 22 + 1]);
});
