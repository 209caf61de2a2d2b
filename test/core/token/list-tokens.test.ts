import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ListedToken, withStatuses } from '../../../src/core/token/list-tokens.ts';
import type { TokenStatus } from '../../../src/core/token/token-status.ts';

const listed = (uri: string): ListedToken => ({
  uri,
  label: 'web',
  module: '/usr/lib/module.so',
  present: true,
  registered: true,
  pinState: 'count-low',
  loginFrom: 'file:/pin',
  state: undefined,
  lastError: undefined,
});

const status = (uri: string): TokenStatus => ({
  uri,
  label: 'web',
  state: 'wrong-pin',
  lastError: 'CKR_PIN_INCORRECT',
  pinState: 'ok',
  loginFrom: 'file:/pin',
  sessions: 0,
  waiting: 1,
  awaitsTouch: false,
  lockedByHand: false,
});

const complete = 'pkcs11:model=M;manufacturer=N;serial=1;token=web';

test('what the running pool says of a token is added, by whatever URI it knows it', () => {
  for (const uri of [complete, 'pkcs11:token=web', 'pkcs11:serial=1']) {
    const [token] = withStatuses([listed(complete)], [status(uri)]);
    assert.deepEqual(
      [token?.state, token?.lastError, token?.pinState],
      ['wrong-pin', 'CKR_PIN_INCORRECT', 'count-low'],
      uri,
    );
  }
});

test('a token that the running pool does not use stays as it was', () => {
  for (const uri of ['pkcs11:token=mail', 'pkcs11:token=web;serial=2']) {
    assert.deepEqual(withStatuses([listed(complete)], [status(uri)]), [listed(complete)]);
  }
});
