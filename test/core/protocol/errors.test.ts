import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nameOfNumber,
  PoolError,
  PosixError,
  poolErrorNames,
  poolErrorNumber,
  wireNumber,
} from '../../../src/core/protocol/errors.ts';

test('the table has thirty errors, counted from its base', () => {
  assert.equal(poolErrorNames.length, 30);
  assert.equal(poolErrorNumber('OUT_OF_MEMORY'), -1167372288);
  assert.equal(poolErrorNumber('CTLKEY_REGISTRATION_FAILED'), -1167372274);
  assert.equal(poolErrorNumber('INFO_NOT_FOUND'), -1167372259);
});

test('numbers have names, whichever table they are from', () => {
  for (const name of poolErrorNames) {
    assert.equal(nameOfNumber(poolErrorNumber(name)), `E_TLSPOOL_${name}`);
  }
  assert.equal(nameOfNumber(13), 'EACCES');
  assert.equal(nameOfNumber(0), 'error 0');
  assert.equal(nameOfNumber(4711), 'error 4711');
});

test('an error carries its number to the wire, a foreign one takes the fallback', () => {
  assert.equal(wireNumber(new PoolError('CTLKEY_ATTACHED', 'x'), 5), -1167372270);
  assert.equal(wireNumber(new PosixError('ETIMEDOUT', 'x'), 5), 110);
  assert.equal(wireNumber(new Error('x'), 5), 5);
});
