import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DAY } from '../../../src/core/concerns/concern.ts';
import { storedConcerns } from '../../../src/core/concerns/stored-concerns.ts';
import { formatPemCertificates } from '../../../src/core/identity/pem.ts';
import type { StoredRole } from '../../../src/core/store/schema.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../../src/core/trust/anchors.ts';
import { type Maker, make, makeRoot, type Shape } from '../trust/made-certificates.ts';

const root = makeRoot('Our Root', { until: 3650 });

async function newStore(t: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-concerns-'));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  await store.db
    .insertInto('authorities')
    .values({ kind: 'ec', certificate: root.certificate, key_uri: 'pkcs11:object=ca' })
    .execute();
  return store;
}

interface Kept extends Shape {
  readonly role?: StoredRole;
  readonly keyType?: string;
  readonly issuer?: Maker | undefined;
}

/** Gives a local identity one more credential. @returns its leaf */
async function keep(store: Store, donai: string, kept: Kept): Promise<Buffer> {
  const { role = 'server', keyType = 'ec-p256', issuer, ...shape } = kept;
  const created_at = new Date().toISOString();
  const { db } = store;
  await db
    .insertInto('identities')
    .values({ donai, created_at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { id } = await db
    .selectFrom('identities')
    .select('id')
    .where('donai', '=', donai)
    .executeTakeFirstOrThrow();
  const { certificate } = make({ commonName: donai, ...shape }, issuer);
  const not_after = new Date(Date.now() + (shape.until ?? 30) * DAY).toISOString();
  const key = { key_uri: 'pkcs11:object=key', key_type: keyType, public_key: Buffer.from('key') };
  const chain = formatPemCertificates([certificate]);
  const row = { type: 'x509', role, chain, preference: 0, not_after, created_at } as const;
  await db
    .insertInto('credentials')
    .values({ identity_id: id, ...key, ...row })
    .execute();
  return certificate;
}

const codes = async (store: Store, now?: Date) =>
  (await storedConcerns(store.db, now)).map(({ code, about }) => `${code} ${about}`);

test('a certificate is to be renewed in its last 30 days, or the last third of its time', async (t) => {
  const store = await newStore(t);
  await keep(store, 'long.example.com', { from: -300, until: 29, issuer: root });
  await keep(store, 'well.example.com', { from: -300, until: 31, issuer: root });
  await keep(store, 'week.example.com', { from: -4, until: 3, issuer: root });
  await keep(store, 'short.example.com', { from: -5, until: 2, issuer: root });
  await keep(store, 'over.example.com', { from: -300, until: -1, issuer: root });
  assert.deepEqual(await codes(store), [
    'identity-expires long.example.com',
    'identity-expired over.example.com',
    'identity-expires short.example.com',
  ]);
  const [first] = await storedConcerns(store.db);
  assert.match(
    first?.message ?? '',
    /^the certificate of long\.example\.com \(server, ec-p256\) expires on \d{4}-\d\d-\d\d$/,
  );
});

test('how to renew is said as the certificate was made', async (t) => {
  const store = await newStore(t);
  const soon = { from: -300, until: 5 };
  await keep(store, 'a.example.com', { ...soon, issuer: root });
  await keep(store, 'b@example.com', {
    ...soon,
    issuer: root,
    role: 'client',
    keyType: 'rsa-2048',
  });
  await keep(store, 'c.example.com', { ...soon, issuer: makeRoot('Another'), role: 'both' });
  await keep(store, 'd.example.com', soon);
  const hints = (await storedConcerns(store.db)).map(({ hint }) => hint);
  assert.deepEqual(hints, [
    'Renew it: tlspool identities renew a.example.com',
    'Renew it: tlspool identities renew b@example.com',
    'Renew it: tlspool identities csr c.example.com --renew --role both, and install what the CA answers.',
    'Renew it: tlspool identities create d.example.com --renew --self-signed',
  ]);
});

test('a certificate is no concern where another one is shown instead, of the same kind of key', async (t) => {
  const store = await newStore(t);
  const soon = { from: -300, until: 5, issuer: root };
  const later = { until: 300, issuer: root };
  await keep(store, 'renewed.example.com', soon);
  await keep(store, 'renewed.example.com', later);
  await keep(store, 'role.example.com', { ...soon, role: 'client' });
  await keep(store, 'role.example.com', { ...later, role: 'both' });
  await keep(store, 'key.example.com', { ...soon, keyType: 'rsa-2048' });
  await keep(store, 'key.example.com', later);
  assert.deepEqual(await codes(store), ['identity-expires key.example.com']);
});

test('an identity whose certificate the local CA took back is named, until it has another one', async (t) => {
  const store = await newStore(t);
  const certificate = await keep(store, 'www.example.com', { until: 300, issuer: root });
  const { id } = await store.db.selectFrom('authorities').select('id').executeTakeFirstOrThrow();
  const now = new Date().toISOString();
  const times = { not_before: now, not_after: now, revoked_at: now };
  const what = {
    serial: 'ab',
    authority_id: id,
    donai: 'www.example.com',
    role: 'server',
  } as const;
  await store.db
    .insertInto('issued')
    .values({ ...what, ...times, certificate })
    .execute();
  assert.deepEqual(await codes(store), ['identity-revoked www.example.com']);
  await keep(store, 'www.example.com', { until: 300, issuer: root });
  assert.deepEqual(await codes(store), []);
});

test('CAs that end are named: the local one in time to give clients another, and those that were added', async (t) => {
  const store = await newStore(t);
  const { certificate } = makeRoot('Company Root', { until: 200 });
  const anchor = { certificate, role: 'server', selectors: ANYONE } as const;
  await addAnchor(store.db, { ...anchor, source: 'operator' });
  assert.deepEqual(await codes(store), []);
  const after = (days: number) => new Date(Date.now() + days * DAY);
  assert.deepEqual(await codes(store, after(180)), ['anchor-expires CN=Company Root']);
  assert.deepEqual(await codes(store, after(201)), ['anchor-expired CN=Company Root']);
  assert.deepEqual(await codes(store, after(3500)), [
    'ca-expires CN=Our Root',
    'anchor-expired CN=Company Root',
  ]);
});

test('a revocation list that is over is named, and a day before', async (t) => {
  const store = await newStore(t);
  const next = Date.now() + 3 * DAY;
  const times = { this_update: new Date().toISOString(), created_at: new Date().toISOString() };
  const list = { fingerprint: 'ab'.repeat(32), scope: 'x', list: Buffer.from('list') };
  await store.db
    .insertInto('crls')
    .values({ ...list, ...times, next_update: new Date(next).toISOString() })
    .execute();
  assert.deepEqual(await codes(store), []);
  assert.deepEqual(await codes(store, new Date(next - DAY / 2)), ['list-expires abababababababab']);
  assert.deepEqual(await codes(store, new Date(next)), ['list-expired abababababababab']);
});
