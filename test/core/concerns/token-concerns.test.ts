import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenConcerns } from '../../../src/core/concerns/token-concerns.ts';
import type { TokenStatus } from '../../../src/core/token/token-status.ts';

const well: TokenStatus = {
  uri: 'pkcs11:token=card',
  label: 'card',
  state: 'ready',
  lastError: undefined,
  pinState: 'ok',
  loginFrom: undefined,
  sessions: 1,
  waiting: 0,
  awaitsTouch: false,
  lockedByHand: false,
};

const codes = (token: Partial<TokenStatus>, asked = false) =>
  tokenConcerns([{ ...well, ...token }], asked).map(({ code }) => code);

test('a token that works, or that nobody wanted yet, is no concern', () => {
  assert.deepEqual(codes({}), []);
  assert.deepEqual(codes({ state: 'unused', pinState: undefined }), []);
});

test('what keeps a token from signing is named', () => {
  assert.deepEqual(codes({ state: 'absent' }), ['token-absent']);
  assert.deepEqual(codes({ state: 'failing', lastError: 'CKR_DEVICE_ERROR' }), ['token-failing']);
  assert.deepEqual(codes({ state: 'locked', pinState: 'locked' }), ['token-locked']);
  assert.deepEqual(codes({ awaitsTouch: true }), ['token-awaits-touch']);
  assert.deepEqual(codes({ pinState: 'final-try' }), ['token-few-tries']);
});

test('a PIN that is needed is a concern unless somebody asks for it', () => {
  assert.deepEqual(codes({ state: 'needs-pin' }), ['token-needs-pin']);
  assert.deepEqual(codes({ state: 'needs-pin' }, true), []);
  assert.deepEqual(codes({ state: 'unused', lockedByHand: true }, true), ['token-needs-pin']);
});

test('where a PIN is wrong, its source is named', () => {
  const token = { ...well, state: 'wrong-pin', loginFrom: 'file:/etc/pin' } as const;
  const [concern] = tokenConcerns([token], false);
  assert.equal(concern?.code, 'token-wrong-pin');
  assert.equal(concern?.hint, 'Correct it in file:/etc/pin, or give it: tlspool pin enter card');
});
