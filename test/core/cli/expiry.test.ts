import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryWords } from '../../../src/core/cli/expiry.ts';

const now = new Date('2030-01-01T00:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const words = (milliseconds: number) => expiryWords(new Date(now.getTime() + milliseconds), now);

const expected: [number, string][] = [
  [10 * 365.25 * DAY, 'in 10 years'],
  [90 * DAY, 'in 3 months'],
  [397 * DAY, 'in 13 months'],
  [10 * DAY - HOUR, 'in 10 days'],
  [47 * HOUR, 'in 47 hours'],
  [90 * 60_000, 'in 90 minutes'],
  [60_000, 'in 1 minute'],
  [-60_000, 'expired 1 minute ago'],
  [-3 * DAY, 'expired 3 days ago'],
  [-800 * DAY, 'expired 2 years ago'],
];
for (const [milliseconds, text] of expected) {
  test(`${milliseconds / HOUR} hours from now is “${text}”`, () => {
    assert.equal(words(milliseconds), text);
  });
}

test('this very moment is over', () => {
  assert.match(words(0), /^expired 0 minutes ago$/);
});
