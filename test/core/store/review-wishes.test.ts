import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { unwelcomeSince, wantEnd, wantEndShown } from '../../../src/core/store/review-wishes.ts';
import { openStore } from '../../../src/core/store/store.ts';

async function newStore(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(() => store.close());
  return store;
}

const john = 'john@example.com';
const mary = 'mary@example.com';

test('each look finds whose sessions were to end since the one before, once each', async (t) => {
  const { db } = await newStore(t);
  await wantEnd(db, [john]);
  const first = await unwelcomeSince(db, undefined);
  assert.deepEqual(first.names, [], 'what was wanted before a pool began is none of its sessions');
  await wantEnd(db, [mary, john]);
  await wantEnd(db, [mary]);
  await wantEnd(db, []);
  const second = await unwelcomeSince(db, first.position);
  assert.deepEqual(second.names, [mary, john]);
  assert.deepEqual(await unwelcomeSince(db, second.position), { ...second, names: [] });
});

test('however much else changes between two looks, only those end that were named', async (t) => {
  const { db } = await newStore(t);
  await wantEnd(db, [john]);
  const { position } = await unwelcomeSince(db, undefined);
  const flood = async (kind: string) => {
    const rows = Array.from({ length: 6_000 }, (_, at) => ({
      donai: `${kind}${at}.example`,
      created_at: '',
    }));
    await db.insertInto('identities').values(rows).execute();
  };
  await flood('a');
  await wantEnd(db, [mary]);
  await flood('b');
  await flood('c');
  assert.deepEqual((await unwelcomeSince(db, position)).names, [mary]);
});

test('what was shown is told apart from whom it names', async (t) => {
  const { db } = await newStore(t);
  const first = await unwelcomeSince(db, undefined);
  const [key, serial] = [
    { kind: 'key', value: 'ab'.repeat(32) },
    { kind: 'serial', value: '4d1f88c0935e0177' },
  ] as const;
  await wantEndShown(db, key);
  await wantEnd(db, [mary]);
  await wantEndShown(db, serial);
  const second = await unwelcomeSince(db, first.position);
  assert.deepEqual(second.names, [mary]);
  assert.deepEqual(second.shown, [key, serial]);
  assert.deepEqual((await unwelcomeSince(db, second.position)).shown, []);
});
