import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portOf } from '../../../src/core/trust/service-ports.ts';

test('a service has its own port, and another one that which was connected to', () => {
  assert.equal(portOf('imaps', 4711), 993);
  assert.equal(portOf('gopher', 70), 70);
  assert.equal(portOf('', undefined), undefined);
  assert.equal(portOf('constructor', 8443), 8443);
});
