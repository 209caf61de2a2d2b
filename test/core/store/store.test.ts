import assert from 'node:assert/strict';
import { chmod, chown, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { MIGRATIONS, type Migration, migrate } from '../../../src/core/store/migrations.ts';
import { openStore, Store, storePath } from '../../../src/core/store/store.ts';

async function stateDir(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-store-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'state');
}

async function newStore(t: TestContext): Promise<{ dir: string; store: Store }> {
  const dir = await stateDir(t);
  const store = await openStore(dir, 'create');
  t.after(() => store.close());
  return { dir, store };
}

const anchor = (name: string) => ({
  certificate: Buffer.from(name),
  fingerprint: name,
  role: 'server' as const,
  selectors: '["."]',
  source: 'operator' as const,
  created_at: new Date(0).toISOString(),
});

test('a new store is for its owner only', async (t) => {
  const { dir } = await newStore(t);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  for (const suffix of ['', '-wal', '-shm']) {
    assert.equal((await stat(storePath(dir) + suffix)).mode & 0o777, 0o600, suffix);
  }
});

test('what one process writes another one reads, and its version tells', async (t) => {
  const { dir, store } = await newStore(t);
  const reader = await openStore(dir, 'read');
  t.after(() => reader.close());
  const before = reader.version();
  assert.equal(reader.version(), before);

  await store.db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();

  assert.ok(reader.version() > before);
  const row = await reader.db
    .selectFrom('settings')
    .select('value')
    .where('key', '=', 'a')
    .executeTakeFirst();
  assert.equal(row?.value, 'b');
});

test('own writes raise the version too', async (t) => {
  const { store } = await newStore(t);
  const before = store.version();
  await store.db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
  assert.ok(store.version() > before);
});

test('a reader cannot write', async (t) => {
  const { dir } = await newStore(t);
  const reader = await openStore(dir, 'read');
  t.after(() => reader.close());
  await assert.rejects(reader.db.deleteFrom('settings').execute(), { code: 'store-read-only' });
});

test('a transaction that throws leaves nothing behind', async (t) => {
  const { store } = await newStore(t);
  const change = store.transaction(async (transaction) => {
    await transaction.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
    throw new Error('changed my mind');
  });
  await assert.rejects(change, /changed my mind/);
  const rows = await store.db.selectFrom('settings').selectAll().where('key', '=', 'a').execute();
  assert.deepEqual(rows, []);
});

test('transactions of two processes queue up', async (t) => {
  const { dir, store } = await newStore(t);
  const other = await openStore(dir, 'write');
  t.after(() => other.close());
  await store.db.insertInto('settings').values({ key: 'count', value: '0' }).execute();
  const increment = (which: Store) =>
    which.transaction(async (transaction) => {
      const { value } = await transaction
        .selectFrom('settings')
        .select('value')
        .where('key', '=', 'count')
        .executeTakeFirstOrThrow();
      await transaction
        .updateTable('settings')
        .set({ value: String(Number(value) + 1) })
        .where('key', '=', 'count')
        .execute();
    });
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([increment(store), increment(store)]);
    await increment(other);
  }
  const { value } = await store.db
    .selectFrom('settings')
    .select('value')
    .where('key', '=', 'count')
    .executeTakeFirstOrThrow();
  assert.equal(value, '30');
});

test('every change of an anchor raises the trust generation, and nothing else does', async (t) => {
  const { store } = await newStore(t);
  const seen = [await store.trustGeneration()];
  const note = async () => seen.push(await store.trustGeneration());
  await store.db.insertInto('anchors').values(anchor('a')).execute();
  await note();
  await store.db.updateTable('anchors').set({ role: 'both' }).execute();
  await note();
  await store.db.deleteFrom('anchors').execute();
  await note();
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(seen).size, 4);

  await store.db.insertInto('identities').values({ donai: 'a.example', created_at: '' }).execute();
  assert.equal(await store.trustGeneration(), seen.at(-1));
});

test('every change of an identity raises the identity generation', async (t) => {
  const { store } = await newStore(t);
  const before = await store.identityGeneration();
  await store.db.insertInto('identities').values({ donai: 'a.example', created_at: '' }).execute();
  assert.ok((await store.identityGeneration()) > before);
});

test('an identity takes its credentials along', async (t) => {
  const { store } = await newStore(t);
  await store.db.insertInto('identities').values({ donai: 'a.example', created_at: '' }).execute();
  const { id } = await store.db.selectFrom('identities').select('id').executeTakeFirstOrThrow();
  const credential = {
    identity_id: id,
    type: 'x509' as const,
    role: 'server' as const,
    chain: '',
    key_uri: 'pkcs11:object=a',
    key_type: 'ec-p256',
    public_key: Buffer.of(1, 2),
    preference: 0,
    not_after: '',
    created_at: '',
  };
  await store.db.insertInto('credentials').values(credential).execute();
  const row = await store.db.selectFrom('credentials').selectAll().executeTakeFirstOrThrow();
  assert.ok(Buffer.isBuffer(row.public_key));
  assert.deepEqual(row.public_key, Buffer.of(1, 2));

  await store.db.deleteFrom('identities').execute();
  assert.deepEqual(await store.db.selectFrom('credentials').selectAll().execute(), []);
});

test('a credential needs its identity', async (t) => {
  const { store } = await newStore(t);
  const orphan = {
    identity_id: 7,
    type: 'x509' as const,
    role: 'server' as const,
    chain: '',
    key_uri: '',
    key_type: '',
    public_key: Buffer.of(1),
    preference: 0,
    not_after: '',
    created_at: '',
  };
  await assert.rejects(store.db.insertInto('credentials').values(orphan).execute(), {
    code: 'store-constraint',
  });
});

test('without a store, init is named', async (t) => {
  const dir = await stateDir(t);
  for (const mode of ['write', 'read'] as const) {
    await assert.rejects(openStore(dir, mode), { code: 'no-state', hint: /tlspool init/ });
  }
});

test('a store is not created twice', async (t) => {
  const { dir } = await newStore(t);
  await assert.rejects(openStore(dir, 'create'), { code: 'state-exists' });
});

test('a state folder that others can write is refused', async (t) => {
  const { dir } = await newStore(t);
  await chmod(dir, 0o770);
  await assert.rejects(openStore(dir, 'read'), { code: 'state-exposed' });
  await chmod(dir, 0o700);
  await chmod(storePath(dir), 0o666);
  await assert.rejects(openStore(dir, 'write'), { code: 'state-exposed' });
});

test('a state folder below a file is refused in words', async (t) => {
  const dir = await stateDir(t);
  await writeFile(dir, '');
  await assert.rejects(openStore(dir, 'create'), { code: 'state-unusable' });
  await assert.rejects(openStore(join(dir, 'below'), 'create'), { code: 'state-unusable' });
});

/** Permissions bind everyone but root: with its powers, the test acts as somebody else. */
async function asOwner<T>(uid: number, act: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(uid);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

test('a read-only folder can be read, and says so when it is to be written', async (t) => {
  const { dir, store } = await newStore(t);
  await store.db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
  await store.close();
  const owner = process.geteuid?.() === 0 ? 65_534 : (process.geteuid?.() ?? 0);
  await chmod(dirname(dir), 0o755);
  for (const place of [dir, storePath(dir)]) await chown(place, owner, -1);
  await chmod(storePath(dir), 0o400);
  await chmod(dir, 0o500);

  await asOwner(owner, async () => {
    await using reader = await openStore(dir, 'read');
    const rows = await reader.db
      .selectFrom('settings')
      .select('value')
      .where('key', '=', 'a')
      .execute();
    assert.deepEqual(rows, [{ value: 'b' }]);
    await assert.rejects(openStore(dir, 'write'), {
      code: /^store-(?:read-only|unreadable)$/,
      hint: /folder/,
    });
    await assert.rejects(openStore(join(dir, 'new'), 'create'), { code: 'state-unusable' });
  }).finally(() => chmod(dir, 0o700));
});

test('a file that is no database is refused', async (t) => {
  const { dir, store } = await newStore(t);
  await store.close();
  await writeFile(storePath(dir), 'something else altogether '.repeat(400));
  for (const mode of ['write', 'read'] as const) {
    await assert.rejects(openStore(dir, mode), { code: 'store-corrupt' });
  }
});

test('a damaged page is reported, not returned as data', async (t) => {
  const { dir, store } = await newStore(t);
  for (let row = 0; row < 2_000; row += 1) {
    await store.db
      .insertInto('settings')
      .values({ key: `key ${row}`, value: 'v' })
      .execute();
  }
  await store.close();
  const { size } = await stat(storePath(dir));
  const page = 4096;
  const file = await open(storePath(dir), 'r+');
  for (let offset = 20 * page; offset < size; offset += page) {
    await file.write(Buffer.alloc(page, 0xee), 0, page, offset);
  }
  await file.close();

  const readAll = async () => {
    const damaged = await openStore(dir, 'write');
    t.after(() => damaged.close());
    return damaged.db.selectFrom('settings').selectAll().execute();
  };
  await assert.rejects(readAll(), { code: 'store-corrupt' });
});

test('a full disk undoes the transaction and says so', async (t) => {
  const { dir, store } = await newStore(t);
  await store.close();
  const database = new DatabaseSync(storePath(dir));
  t.after(() => database.close());
  const full = new Store(database, storePath(dir));
  // As many pages as there are: SQLite then answers as it does for ENOSPC, with SQLITE_FULL.
  database.exec('pragma max_page_count = 1');

  const change = full.transaction(async (transaction) => {
    await transaction.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
    const value = 'x'.repeat(1_000_000);
    await transaction.insertInto('settings').values({ key: 'c', value }).execute();
  });

  await assert.rejects(change, { code: 'store-full', message: /disk is full/ });
  const rows = await full.db.selectFrom('settings').select('key').execute();
  assert.ok(!rows.some(({ key }) => key === 'a'));
});

test('a store that another process keeps locked is reported', async (t) => {
  const { dir, store } = await newStore(t);
  const database = new DatabaseSync(storePath(dir));
  t.after(() => database.close());
  database.exec('begin immediate');
  const impatient = new DatabaseSync(storePath(dir), { timeout: 10 });
  const other = new Store(impatient, storePath(dir));
  t.after(() => other.close());
  await assert.rejects(
    other.transaction(async () => {}),
    { code: 'store-busy' },
  );
  assert.ok(store.version() > 0, 'readers go on');
});

test('a store of a newer release is refused', async (t) => {
  const { dir, store } = await newStore(t);
  await migrate(store.db, [...MIGRATIONS, async () => {}]);
  for (const mode of ['write', 'read'] as const) {
    await assert.rejects(openStore(dir, mode), {
      code: 'store-too-new',
      message: new RegExp(`version ${MIGRATIONS.length + 1}`),
    });
  }
});

test('a step that fails leaves the store at the version before', async (t) => {
  const { store } = await newStore(t);
  const addNote =
    (value: string): Migration =>
    async (transaction) => {
      await transaction
        .insertInto('settings')
        .values({ key: `note ${value}`, value })
        .execute();
    };
  const failing: Migration = async (transaction) => {
    await addNote('half')(transaction);
    throw new Error('no');
  };
  await assert.rejects(migrate(store.db, [...MIGRATIONS, addNote('whole'), failing]), /no/);
  const notes = await store.db
    .selectFrom('settings')
    .select('value')
    .where('key', 'like', 'note%')
    .execute();
  assert.deepEqual(notes, [{ value: 'whole' }]);

  await migrate(store.db, [...MIGRATIONS, addNote('whole'), addNote('rest')]);
  await migrate(store.db, [...MIGRATIONS, addNote('whole'), addNote('rest')]);
  const after = await store.db
    .selectFrom('settings')
    .select('value')
    .where('key', 'like', 'note%')
    .execute();
  assert.deepEqual(after.map(({ value }) => value).toSorted(), ['rest', 'whole']);
});
