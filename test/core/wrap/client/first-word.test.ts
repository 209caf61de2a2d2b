import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstWords, patienceWith } from '../../../../src/core/wrap/client/first-word.ts';

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

test('where a program waited for its server once, none is waited for again; elsewhere it is', () => {
  const words = new FirstWords();
  const goal = {
    treatment: { kind: 'tls' },
    remoteId: 'mail.example',
    process: undefined,
  } as const;
  const [there, elsewhere] = ['192.0.2.1:700', '192.0.2.2:700'].map((place) => ({
    ...goal,
    place,
  }));
  assert.ok(there && elsewhere);
  assert.ok(words.patienceWith(there) > 0);
  words.missed(there);
  assert.equal(words.patienceWith(there), 0);
  assert.ok(words.patienceWith(elsewhere) > 0);
});
