import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leafValidity, rootValidity } from '../../../src/core/authority/validity.ts';

const now = new Date('2026-03-01T12:00:00.750Z');

test('validity begins an hour ago, in whole seconds', () => {
  const expected = '2026-03-01T11:00:00.000Z';
  assert.equal(rootValidity(now).notBefore.toISOString(), expected);
  assert.equal(leafValidity(now, 1).notBefore.toISOString(), expected);
});

test('a root made on a leap day ends ten years later', () => {
  const { notAfter } = rootValidity(new Date('2028-02-29T12:00:00Z'));
  assert.equal(notAfter.toISOString(), '2038-03-01T11:00:00.000Z');
});

test('a leaf never outlives its issuer', () => {
  const issuerEnds = new Date('2026-03-11T00:00:00Z');
  assert.equal(leafValidity(now, 90, issuerEnds).notAfter, issuerEnds);
  assert.equal(leafValidity(now, 5, issuerEnds).notAfter.toISOString(), '2026-03-06T11:00:00.000Z');
});

test('an expired local CA issues nothing, and says what to do', () => {
  const issuerEnds = new Date('2026-03-01T12:00:00Z');
  assert.throws(() => leafValidity(now, 90, issuerEnds), {
    code: 'authority-expired',
    message: /expired on 2026-03-01/,
    hint: /tlspool init/,
  });
});
