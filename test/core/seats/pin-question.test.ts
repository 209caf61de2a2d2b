import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain, type PinQuestion } from '../../../src/core/seats/pin-question.ts';

const question: PinQuestion = {
  prompt: '',
  attempt: 0,
  token: { uri: '', label: 'card', manufacturer: 'Yubico', model: 'YubiKey 5', serial: '16823127' },
  pinState: 'ok',
  waiting: [],
};

const tries = (attempt: number, pinState: PinQuestion['pinState']) =>
  explain({ ...question, attempt, pinState }).find((line) => line.startsWith('Tries:'));

test('a person is told how many PINs were wrong, what the token makes of it, and nothing if none was', () => {
  assert.equal(tries(0, 'ok'), undefined);
  assert.equal(tries(1, undefined), 'Tries:    1 wrong PIN so far');
  assert.match(tries(0, 'count-low') ?? '', /the token counts wrong PINs, and locks after a few$/);
  assert.match(tries(2, 'count-low') ?? '', /2 wrong PINs so far; .* locks after a few$/);
  assert.match(tries(2, 'final-try') ?? '', /the last one before the token locks$/);
});

test('what is said of tries fits into a line of a terminal', () => {
  for (const attempt of [0, 1, 2])
    for (const state of ['ok', 'count-low', 'final-try'] as const)
      assert.ok((tries(attempt, state) ?? '').length < 80);
});
