import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { LocalIdentities } from '../../../src/core/identity/local-identities.ts';
import { formatPemCertificates } from '../../../src/core/identity/pem.ts';
import { formatSelector } from '../../../src/core/identity/selector.ts';
import type { StoredRole } from '../../../src/core/store/schema.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';

async function newStore(t: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-identities-'));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

async function add(store: Store, donai: string, ...roles: StoredRole[]): Promise<number> {
  const created_at = new Date().toISOString();
  await store.db.insertInto('identities').values({ donai, created_at }).execute();
  const { id } = await store.db
    .selectFrom('identities')
    .select('id')
    .where('donai', '=', donai)
    .executeTakeFirstOrThrow();
  for (const [index, role] of roles.entries()) {
    await store.db
      .insertInto('credentials')
      .values({
        identity_id: id,
        type: 'x509',
        role,
        chain: formatPemCertificates([Buffer.from('leaf'), Buffer.from('issuer')]),
        key_uri: `pkcs11:object=${index}`,
        key_type: 'ec-p256',
        public_key: Buffer.from('key'),
        preference: -index,
        not_after: '2031-01-01T00:00:00.000Z',
        created_at,
      })
      .execute();
  }
  return id;
}

const found = (identities: LocalIdentities, id: string, role: 'server' | 'client') => {
  const identity = identities.find(parseDonai(id), role);
  return identity && formatSelector(identity.donai);
};

test('an identity is found by its name, for the roles of its credentials', async (t) => {
  const store = await newStore(t);
  await add(store, 'www.example.com', 'server');
  await add(store, 'john@example.com', 'client');
  await add(store, 'peer.example.com', 'both');
  await add(store, 'empty.example.com');
  const identities = new LocalIdentities(store);
  await identities.refresh();

  assert.equal(found(identities, 'www.example.com', 'server'), 'www.example.com');
  assert.equal(found(identities, 'www.example.com', 'client'), undefined);
  assert.equal(found(identities, 'john@example.com', 'client'), 'john@example.com');
  assert.equal(found(identities, 'peer.example.com', 'server'), 'peer.example.com');
  assert.equal(found(identities, 'peer.example.com', 'client'), 'peer.example.com');
  assert.equal(found(identities, 'empty.example.com', 'server'), undefined);
  assert.equal(found(identities, 'other.example.com', 'server'), undefined);
  assert.equal(identities.list().length, 4);
});

test('a wildcard stands for one label, and not for users', async (t) => {
  const store = await newStore(t);
  await add(store, '.example.com', 'server');
  const identities = new LocalIdentities(store);
  await identities.refresh();

  assert.equal(found(identities, 'a.example.com', 'server'), '.example.com');
  assert.equal(found(identities, 'a.b.example.com', 'server'), undefined);
  assert.equal(found(identities, 'example.com', 'server'), undefined);
  assert.equal(found(identities, 'john@a.example.com', 'server'), undefined);
});

test('the exact name beats the wildcard', async (t) => {
  const store = await newStore(t);
  await add(store, '.example.com', 'server');
  await add(store, 'www.example.com', 'server');
  const identities = new LocalIdentities(store);
  await identities.refresh();
  assert.equal(found(identities, 'www.example.com', 'server'), 'www.example.com');
});

test('credentials come in order of preference, with their chain decoded', async (t) => {
  const store = await newStore(t);
  await add(store, 'www.example.com', 'server', 'client', 'both');
  const identities = new LocalIdentities(store);
  await identities.refresh();
  const identity = identities.find(parseDonai('www.example.com'), 'server');
  assert.deepEqual(
    identity?.credentials.map(({ keyUri }) => keyUri),
    ['pkcs11:object=2', 'pkcs11:object=0'],
  );
  assert.deepEqual(identity?.credentials[0]?.chain, [Buffer.from('leaf'), Buffer.from('issuer')]);
  assert.deepEqual(identity?.credentials[0]?.notAfter, new Date('2031-01-01'));
});

test('a change in the store is seen after the next refresh', async (t) => {
  const store = await newStore(t);
  const identities = new LocalIdentities(store);
  await identities.refresh();
  assert.equal(found(identities, 'www.example.com', 'server'), undefined);
  await add(store, 'www.example.com', 'server');
  await identities.refresh();
  assert.equal(found(identities, 'www.example.com', 'server'), 'www.example.com');
  await store.db.deleteFrom('identities').execute();
  await identities.refresh();
  assert.equal(found(identities, 'www.example.com', 'server'), undefined);
});

test('whatever comes and goes, what is known is what the store has', async (t) => {
  const store = await newStore(t);
  const kept = new LocalIdentities(store);
  const names = ['b.example.com', '.example.com', 'a.example.com', 'mary@example.com'];
  const ids = new Map<string, number>();
  let seed = 7;
  for (let step = 0; step < 60; step += 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const name = names[seed % names.length] ?? '';
    const id = ids.get(name);
    if (id === undefined) ids.set(name, await add(store, name, seed % 3 === 0 ? 'client' : 'both'));
    else if (seed % 2 === 0)
      await store.db.deleteFrom('credentials').where('identity_id', '=', id).execute();
    else {
      await store.db.deleteFrom('identities').where('id', '=', id).execute();
      ids.delete(name);
    }
    await kept.refresh();
    const fresh = new LocalIdentities(store);
    await fresh.refresh();
    assert.deepEqual(kept.list(), fresh.list());
    for (const role of ['server', 'client'] as const) {
      assert.deepEqual(kept.names(role), fresh.names(role));
      for (const asked of ['a.example.com', 'c.example.com', 'mary@example.com']) {
        assert.deepEqual(kept.find(parseDonai(asked), role), fresh.find(parseDonai(asked), role));
      }
    }
  }
});

test('other changes in the store leave the identities as they are', async (t) => {
  const store = await newStore(t);
  await add(store, 'www.example.com', 'server');
  const identities = new LocalIdentities(store);
  await identities.refresh();
  const before = identities.list();
  await store.db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
  await identities.refresh();
  assert.equal(identities.list(), before);
});

test('one among 20,000 is found, and a wildcard beside them', async (t) => {
  const store = await newStore(t);
  const rows = Array.from({ length: 20_000 }, (_, n) => ({
    donai: `host-${n}.example.com`,
    created_at: '',
  }));
  await store.transaction(async (transaction) => {
    for (let n = 0; n < rows.length; n += 1_000) {
      await transaction
        .insertInto('identities')
        .values(rows.slice(n, n + 1_000))
        .execute();
    }
  });
  await add(store, '.wild.example.com', 'server');
  const identities = new LocalIdentities(store);
  await identities.refresh();
  // How long that takes, `npm run bench` measures.
  const wild = identities.find(parseDonai('a.wild.example.com'), 'server');
  assert.equal(wild && formatSelector(wild.donai), '.wild.example.com');
  assert.equal(identities.find(parseDonai('host-20000.example.com'), 'server'), undefined);
});
