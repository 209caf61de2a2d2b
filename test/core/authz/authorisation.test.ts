import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { Authorisation } from '../../../src/core/authz/authorisation.ts';
import type { GroupSource } from '../../../src/core/authz/group.ts';
import { readGroupFile } from '../../../src/core/authz/group-file.ts';
import { makeRule, type WrittenRule } from '../../../src/core/authz/make-rule.ts';
import { addMembers, insertGroup, putFetched } from '../../../src/core/authz/stored-groups.ts';
import { insertRules } from '../../../src/core/authz/stored-rules.ts';
import { parseMember } from '../../../src/core/authz/who.ts';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';
import { until } from '../../patience.ts';

const author = { note: '', madeBy: 'test', madeAt: new Date(0).toISOString() };
const localId = parseDonai('lists.example.org');
const mary = parseDonai('mary@example.com');

interface Made {
  readonly folder: string;
  readonly store: Store;
  readonly authorisation: Authorisation;
  readonly settings: { authorisationRequired: boolean; authorisationMonitor: boolean };
  /** Reason of the decision about Mary, `after` ms from now. */
  decided(after?: number): string;
}

async function made(t: TestContext): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-authz-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(() => store.close());
  const settings = { authorisationRequired: false, authorisationMonitor: false };
  const authorisation = new Authorisation(store, () => settings, 0, silentLog);
  t.after(() => authorisation[Symbol.dispose]());
  await authorisation.refresh();
  const decided = (after = 0) => {
    const remote = { id: mary, names: [], validatedBy: 'TI' };
    const at = Date.now() + after;
    return authorisation.decide({ remote, localId, service: 'smtp', address: '', at }).reason;
  };
  return { folder, store, authorisation, settings, decided };
}

async function addRule(store: Store, rule: Partial<WrittenRule>): Promise<void> {
  const written = { effect: 'allow', who: 'everyone', to: 'lists.example.org', ...rule } as const;
  await insertRules(store.db, [makeRule({ name: undefined, ...written }, author, () => 'r1')]);
}

async function addGroup(store: Store, source: GroupSource): Promise<void> {
  await insertGroup(store.db, { name: 'members', source, ...author });
}

const directory = {
  kind: 'ldap',
  url: 'ldap://127.0.0.1:1',
  dn: 'cn=members',
  bindDn: undefined,
  passwordFile: undefined,
  caFile: undefined,
  startTls: false,
  refresh: 1_000,
  stale: 1_000,
} as const;

test('what a command writes is decided by after the next look at the store', async (t) => {
  const { store, authorisation, decided } = await made(t);
  assert.equal(decided(), 'open');
  await addGroup(store, { kind: 'store' });
  await addRule(store, { who: 'group:members' });
  await authorisation.refresh();
  assert.equal(decided(), 'no-rule');
  assert.equal(authorisation.demand(localId, 'smtp'), 'require');
  await addMembers(store.db, 'members', [parseMember('@example.com')]);
  await authorisation.refresh();
  assert.equal(decided(), 'allowed-by-rule');
});

test('the store is looked at by one at a time, and after a look that fails', async (t) => {
  const { store, authorisation } = await made(t);
  const { promise: gate, reject: fail } = Promise.withResolvers<number>();
  const looks: string[] = [];
  const generation = store.authorisationGeneration.bind(store);
  t.mock.method(store, 'authorisationGeneration', async () => {
    looks.push('look');
    return looks.length === 1 ? await gate : await generation();
  });
  await addRule(store, {});
  const [one, other] = [authorisation.refresh(), authorisation.refresh()];
  await pause(20);
  assert.equal(looks.length, 1);
  fail(new Error('the disk is gone'));
  await assert.rejects(one, /the disk is gone/);
  await other;
  // Before it is read, and behind that.
  assert.equal(looks.length, 3);
});

test('what is no file leaves doubts at once, and nobody waits for it', async (t) => {
  const { folder } = await made(t);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [pipe, '/dev/zero', folder]) {
    const { members, gap } = await readGroupFile('members', path);
    assert.deepEqual([members, gap?.reason], [[], 'stale'], path);
  }
});

test('a group that is read from elsewhere now is never taken for one without members', async (t) => {
  const { folder, store, authorisation, decided } = await made(t);
  const [before, after] = [join(folder, 'before'), join(folder, 'after')];
  for (const path of [before, after]) writeFileSync(path, 'mary@example.com\n');
  await addGroup(store, { kind: 'file', path: before });
  // Its end makes the pool think anew of who is in which group.
  await insertGroup(store.db, { name: 'others', source: directory, ...author });
  await putFetched(store.db, 'others', { at: Date.now(), members: [] });
  await addRule(store, { effect: 'deny', who: 'group:members' });
  await authorisation.refresh();
  const reasons = new Set([decided(2_000_000)]);
  await store.db.deleteFrom('groups').where('name', '=', 'members').execute();
  await addGroup(store, { kind: 'file', path: after });
  let done = false;
  const refreshed = authorisation.refresh().finally(() => {
    done = true;
  });
  for (; !done; await breathe()) reasons.add(decided(2_000_000));
  await refreshed;
  reasons.delete('stale');
  assert.deepEqual([...reasons, decided()], ['denied-by-rule', 'denied-by-rule']);
});

test('what a directory said by a clock that was ahead is not believed', async (t) => {
  const { store, authorisation, decided } = await made(t);
  await addGroup(store, directory);
  await putFetched(store.db, 'members', {
    at: Date.now() + 86_400_000,
    members: [parseMember('mary@example.com')],
  });
  await addRule(store, { who: 'group:members' });
  await authorisation.refresh();
  assert.equal(decided(), 'stale');
});

test('rules that change while many are read are not seen in half', async (t) => {
  const { folder, store } = await made(t);
  const many = Array.from({ length: 2_000 }, (_, index) =>
    makeRule(
      { name: `many${index}`, effect: 'allow', who: 'everyone', to: 'example.com' },
      author,
      () => '',
    ),
  );
  await insertRules(store.db, many);
  await addRule(store, { effect: 'deny', name: 'z' });
  await using reader = await openStore(join(folder, 'state'), 'read');
  const authorisation = new Authorisation(
    reader,
    () => ({ authorisationRequired: false, authorisationMonitor: false }),
    0,
    silentLog,
  );
  t.after(() => authorisation[Symbol.dispose]());
  const refreshed = authorisation.refresh();
  await breathe();
  await store.transaction(async (transaction) => {
    await transaction.deleteFrom('rules').where('name', '=', 'z').execute();
    const moved = { name: 'a', effect: 'deny', who: 'everyone', to: 'lists.example.org' } as const;
    await insertRules(transaction, [makeRule(moved, author, () => '')]);
  });
  await refreshed;
  const remote = { id: mary, names: [], validatedBy: 'TI' };
  const question = { remote, localId, service: 'smtp', address: '', at: Date.now() };
  assert.equal(authorisation.decide(question).reason, 'denied-by-rule');
});

test('where authorisation is required, what no rule concerns is closed', async (t) => {
  const { settings, authorisation, decided } = await made(t);
  settings.authorisationRequired = true;
  assert.equal(decided(), 'no-rule');
  assert.equal(authorisation.demand(localId, ''), 'require');
});

test('a pool that only watches asks for certificates, and requires none', async (t) => {
  const { settings, store, authorisation } = await made(t);
  settings.authorisationMonitor = true;
  await addRule(store, { who: 'authenticated' });
  await authorisation.refresh();
  assert.equal(authorisation.demand(localId, ''), 'request');
});

test('a file is watched, also while it is not there, and a fault in it leaves doubts', async (t) => {
  const { folder, store, authorisation, decided } = await made(t);
  const path = join(folder, 'members');
  await addGroup(store, { kind: 'file', path });
  await addRule(store, { who: 'group:members' });
  await authorisation.refresh();
  assert.equal(decided(), 'stale');
  const becomes = async (text: string, reason: string) => {
    writeFileSync(path, text);
    await until(`the decision ${reason}`, () => decided() === reason);
  };
  await becomes('# nobody yet\n', 'no-rule');
  await becomes('mary@example.com # joined today\nnot a name\n', 'allowed-by-rule');
  await becomes('john@example.com\nnot a name\n', 'stale');
});

test('what a directory said is believed until the stale limit, also by a daemon that starts', async (t) => {
  const { store, authorisation, decided } = await made(t);
  await addGroup(store, { ...directory, refresh: 600, stale: 3_600 });
  await addRule(store, { who: 'group:members' });
  await putFetched(store.db, 'members', { at: Date.now(), members: [parseMember('@example.com')] });
  await authorisation.refresh();
  assert.equal(decided(), 'allowed-by-rule');
  assert.equal(decided(3_500_000), 'allowed-by-rule');
  assert.equal(decided(3_700_000), 'stale');
});
