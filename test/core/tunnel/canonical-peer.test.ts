import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalPeer } from '../../../src/core/tunnel/canonical-peer.ts';

test('all spellings of one address are one', () => {
  for (const text of ['192.0.2.1:4711', '[::ffff:192.0.2.1]:4711', '[::FFFF:c000:201]:4711']) {
    assert.equal(canonicalPeer(text), '192.0.2.1:4711');
  }
  for (const text of ['[2001:db8::1]:1', '[2001:0DB8:0:0::1]:1', '[2001:db8::1%lo]:1']) {
    assert.equal(canonicalPeer(text), '[2001:db8::1]:1');
  }
});

test('what is no address with a port is none', () => {
  for (const text of [
    '',
    'x',
    'localhost:1',
    '192.0.2.1',
    '192.0.2.1:',
    '::1:1',
    '[::1]',
    '192.0.2.1:70000',
  ]) {
    assert.equal(canonicalPeer(text), undefined, text);
  }
});
