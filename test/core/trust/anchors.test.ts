import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatSelector, parseSelector } from '../../../src/core/identity/selector.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor, listAnchors, removeAnchor } from '../../../src/core/trust/anchors.ts';
import { dns, make, makeRoot } from './made-certificates.ts';

async function newStore(t: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-anchors-'));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

const forServers = (certificate: Buffer) => ({
  certificate,
  role: 'server' as const,
  selectors: ANYONE,
  source: 'operator' as const,
});

test('an anchor is kept with what it vouches for', async (t) => {
  const store = await newStore(t);
  const { certificate } = makeRoot();
  const selectors = [parseSelector('.example.com'), parseSelector('@.')];
  await addAnchor(store.db, { certificate, role: 'client', selectors, source: 'operator' });
  const [anchor, ...rest] = await listAnchors(store.db);
  assert.deepEqual(rest, []);
  assert.deepEqual(anchor?.certificate, certificate);
  assert.equal(anchor?.role, 'client');
  assert.deepEqual(anchor?.selectors.map(formatSelector), ['.example.com', '@.']);
  assert.match(anchor?.fingerprint ?? '', /^[0-9a-f]{64}$/);
});

test('the same certificate is no second anchor', async (t) => {
  const store = await newStore(t);
  const { certificate } = makeRoot();
  const anchor = await addAnchor(store.db, forServers(certificate));
  await assert.rejects(addAnchor(store.db, forServers(certificate)), {
    code: 'anchor-exists',
    hint: new RegExp(anchor.fingerprint.slice(0, 16)),
  });
});

test('a certificate that is no root, no CA, expired or garbage is no anchor', async (t) => {
  const store = await newStore(t);
  const leaf = make({ names: [dns('www.example.com')] });
  const expired = makeRoot('Old Root', { from: -20, until: -10 });
  const intermediate = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, makeRoot());
  for (const [certificate, message] of [
    [intermediate.certificate, /Issuing CA is an intermediate CA/],
    [leaf.certificate, /not a CA/],
    [expired.certificate, /CN=Old Root expired/],
    [Buffer.from('garbage'), /not an X.509 certificate/],
  ] as const) {
    await assert.rejects(addAnchor(store.db, forServers(certificate)), {
      code: 'unusable-anchor',
      message,
    });
  }
  assert.deepEqual(await listAnchors(store.db), []);
});

test('an anchor goes when it is removed', async (t) => {
  const store = await newStore(t);
  const kept = await addAnchor(store.db, forServers(makeRoot('Kept').certificate));
  const gone = await addAnchor(store.db, forServers(makeRoot('Gone').certificate));
  await removeAnchor(store.db, gone);
  assert.deepEqual(
    (await listAnchors(store.db)).map(({ id }) => id),
    [kept.id],
  );
});
