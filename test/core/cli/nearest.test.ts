import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from '../../../src/core/cli/nearest.ts';

const flags = ['--listen', '--local-id', '--service', '--socket'];

test('one slip of the finger is forgiven: missing, added, wrong or swapped characters', () => {
  for (const slip of ['--lisen', '--listenn', '--lisden', '--litsen'])
    assert.equal(nearest(slip, flags), '--listen');
});

test('the nearer of two wins', () => {
  assert.equal(nearest('--socke', ['--sockets', '--socket']), '--socket');
});

test('a beginning is taken for the whole', () => {
  assert.equal(nearest('--loc', flags), '--local-id');
});

test('what resembles nothing suggests nothing', () => {
  assert.equal(nearest('--frobnicate', flags), undefined);
  assert.equal(nearest('x', flags), undefined);
});

test('a candidate is nearest to itself', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (candidates) => {
      for (const candidate of candidates) assert.equal(nearest(candidate, candidates), candidate);
    }),
  );
});
