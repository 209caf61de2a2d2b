import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobodyBelieved, readBelieved, writeBelieved } from '../../../src/core/trust/believed.ts';

const john = {
  remoteId: 'john@example.com',
  proven: true,
  validatedBy: 'TIr',
  names: ['john@example.com', 'example.com'],
};

test('what is believed comes out of a ticket as it went in', () => {
  assert.deepEqual(readBelieved(writeBelieved(john) ?? ''), john);
  assert.deepEqual(readBelieved(''), nobodyBelieved);
});

test('somebody unproven is not nobody', () => {
  assert.notEqual(writeBelieved(nobodyBelieved), '');
});

test('more names than a ticket holds are not shortened: they do not travel', () => {
  const names = Array.from({ length: 500 }, (_, index) => `host${index}.example.com`);
  assert.equal(writeBelieved({ ...john, names }), undefined);
});
