import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorisation } from '../../../src/core/authz/authorisation.ts';
import type { Disclosure } from '../../../src/core/identity/disclosure.ts';
import type { LocalIdentities } from '../../../src/core/identity/local-identities.ts';
import { StoreKnowledge } from '../../../src/core/server/knowledge.ts';
import type { Trust } from '../../../src/core/trust/trust.ts';

test('a store that fails at once fails whoever waits, and throws at nobody', async () => {
  const part = { refresh: async () => {} };
  const knowledge = new StoreKnowledge({
    store: {
      version: () => {
        throw new Error('disk I/O error');
      },
    },
    identities: part as unknown as LocalIdentities,
    disclosure: part as unknown as Disclosure,
    trust: part as unknown as Trust,
    authorisation: part as unknown as Authorisation,
    revocations: part,
  });
  const refreshed = knowledge.refresh();
  assert.ok(refreshed instanceof Promise);
  await assert.rejects(refreshed, /disk I\/O error/);
});

test('while the store cannot be read nobody goes on with what was known before', async () => {
  let reads = 0;
  let broken = true;
  const part = {
    refresh: async () => {
      reads += 1;
      if (broken) throw new Error('disk I/O error');
    },
  };
  const knowledge = new StoreKnowledge({
    store: { version: () => 1 },
    identities: part as unknown as LocalIdentities,
    disclosure: part as unknown as Disclosure,
    trust: part as unknown as Trust,
    authorisation: part as unknown as Authorisation,
    revocations: part,
  });
  // At once, one after the other: each must read, and fail.
  for (const attempt of [1, 2, 3]) {
    await assert.rejects(async () => knowledge.refresh(), /disk I\/O error/, String(attempt));
  }
  assert.equal(reads, 3 * 5);
  broken = false;
  await knowledge.refresh();
  assert.equal(reads, 4 * 5);
});
