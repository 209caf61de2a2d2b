import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patienceWith } from '../../../../src/core/wrap/client/first-word.ts';

test('a program whose server speaks first is not waited for', () => {
  assert.equal(patienceWith({ kind: 'tls', service: 'imaps' }), 0);
  assert.equal(patienceWith({ kind: 'starttls', protocol: 'smtp', service: 'smtp' }), 0);
});

test('it is waited for longer where its server says nothing before than where nobody knows', () => {
  const unknown = patienceWith({ kind: 'tls' });
  assert.ok(unknown > 0);
  assert.ok(patienceWith({ kind: 'tls', service: 'https' }) > unknown);
  const postgres = { kind: 'starttls', protocol: 'postgres', service: 'postgresql' } as const;
  assert.ok(patienceWith(postgres) > unknown);
});
