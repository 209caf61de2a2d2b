import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { systemReason, TlspoolError } from '../../src/core/errors.ts';

test('failures of the system are told in its words, not in its codes', async () => {
  const reasonOf = (work: Promise<unknown>) => work.then(() => assert.fail(), systemReason);
  assert.equal(await reasonOf(open('/nonexistent/file')), 'no such file or directory');
  assert.equal(await reasonOf(open('/', 'w')), 'illegal operation on a directory');
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND a.invalid'), {
    code: 'ENOTFOUND',
  });
  assert.equal(systemReason(unknown), 'there is no such host');
});

test('of our own errors the number counts, of others what they say', () => {
  const refused = new TlspoolError('engine-failed', 'connect', { wire: 111 });
  assert.equal(systemReason(refused), 'connection refused');
  assert.equal(systemReason(new Error('no')), 'no');
  assert.equal(systemReason('gone'), 'gone');
});
