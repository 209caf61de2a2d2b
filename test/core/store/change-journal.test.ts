import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { changesSince } from '../../../src/core/store/change-journal.ts';
import { openStore } from '../../../src/core/store/store.ts';

async function newStore(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(() => store.close());
  return store;
}

const identity = (donai: string) => ({ donai, created_at: '' });

test('the journal names what came, changed or went since the last look, once each', async (t) => {
  const { db } = await newStore(t);
  const first = await changesSince(db, undefined, ['identity']);
  assert.equal(first.keys, undefined, 'whoever looks for the first time reads all');
  const nothing = await changesSince(db, first.position, ['identity']);
  assert.deepEqual(nothing.keys?.get('identity'), []);

  await db
    .insertInto('identities')
    .values([identity('a.example'), identity('b.example')])
    .execute();
  await db.updateTable('identities').set({ created_at: 'x' }).where('id', '=', 1).execute();
  await db.insertInto('settings').values({ key: 'other', value: '' }).execute();
  const made = await changesSince(db, nothing.position, ['identity', 'rule']);
  assert.deepEqual(made.keys?.get('identity'), ['1', '2']);
  assert.deepEqual(made.keys?.get('rule'), []);

  await db.deleteFrom('identities').where('id', '=', 2).execute();
  const gone = await changesSince(db, made.position, ['identity']);
  assert.deepEqual(gone.keys?.get('identity'), ['2']);
  assert.deepEqual((await changesSince(db, made.position, ['rule'])).keys?.get('rule'), []);
});

test('the journal stays small, and whoever missed something is told so', async (t) => {
  const { db } = await newStore(t);
  const { position } = await changesSince(db, undefined, ['identity']);
  for (let page = 0; page < 11; page += 1) {
    const rows = Array.from({ length: 1_000 }, (_, at) =>
      identity(`h${page * 1_000 + at}.example`),
    );
    await db.insertInto('identities').values(rows).execute();
  }
  const { keys, position: now } = await changesSince(db, position, ['identity']);
  assert.equal(keys, undefined);
  const { count } = await db
    .selectFrom('changes')
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  assert.equal(count, 10_000);
  await db.deleteFrom('identities').where('id', '=', 7).execute();
  assert.deepEqual((await changesSince(db, now, ['identity'])).keys?.get('identity'), ['7']);
});
