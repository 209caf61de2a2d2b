import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceOf } from '../../../src/core/tunnel/source.ts';

test('an IPv4 address is a source of its own, in whichever way a socket has it', () => {
  assert.equal(sourceOf('::ffff:192.0.2.1'), sourceOf('192.0.2.1'));
  for (const other of ['192.0.2.2', '192.0.3.1', '::192.0.2.1', '2001:db8::ffff:192.0.2.1']) {
    assert.notEqual(sourceOf(other), sourceOf('192.0.2.1'), other);
  }
});

test('all addresses of an IPv6 network of 64 bits are one source', () => {
  for (const same of ['2001:db8:0:7::2', '2001:db8:0:7:ffff:ffff:ffff:ffff']) {
    assert.equal(sourceOf(same), sourceOf('2001:db8:0:7::1'), same);
  }
  for (const other of ['2001:db8:0:6::1', '2001:db9:0:7::1', '::1']) {
    assert.notEqual(sourceOf(other), sourceOf('2001:db8:0:7::1'), other);
  }
  assert.equal(sourceOf('fe80::1%eth0'), sourceOf('fe80::1'));
});

test('what is no address is itself', () => {
  assert.equal(sourceOf(''), '');
});
