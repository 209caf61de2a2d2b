import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { parsePrefix } from '../../../src/core/authz/address-prefix.ts';
import { Authorisation } from '../../../src/core/authz/authorisation.ts';
import { makeRule } from '../../../src/core/authz/make-rule.ts';
import { addMembers, insertGroup, removeMembers } from '../../../src/core/authz/stored-groups.ts';
import { insertRules, putStanding } from '../../../src/core/authz/stored-rules.ts';
import { parseMember } from '../../../src/core/authz/who.ts';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import type { Schema } from '../../../src/core/store/schema.ts';
import { openStore } from '../../../src/core/store/store.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';

const author = { note: '', madeBy: 'test', madeAt: new Date(0).toISOString() };
const settings = { authorisationRequired: false, authorisationMonitor: false };

/** Few names, so that they meet often. */
const names = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'];
const groups = ['g0', 'g1', 'g2'];
const people = ['john@a.example', 'mary@a.example', 'john@b.example'];
const locals = ['www.example.org', 'lists.example.org'];

const change = fc.oneof(
  fc.record({
    is: fc.constant('rule' as const),
    name: fc.constantFrom(...names),
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    who: fc.constantFrom(...people, '@a.example', 'everyone', 'group:g0', 'group:g1', 'group:none'),
    to: fc.constantFrom(...locals, '.example.org'),
    service: fc.constantFrom(undefined, 'smtp'),
    from: fc.constantFrom([], ['192.0.2.0/24']),
  }),
  fc.record({ is: fc.constant('no-rule' as const), name: fc.constantFrom(...names) }),
  fc.record({ is: fc.constant('group' as const), name: fc.constantFrom(...groups) }),
  fc.record({ is: fc.constant('no-group' as const), name: fc.constantFrom(...groups) }),
  fc.record({
    is: fc.constantFrom('member' as const, 'no-member' as const),
    name: fc.constantFrom(...groups),
    member: fc.constantFrom(...people, '@b.example', 'group:g2'),
  }),
  fc.record({
    is: fc.constant('standing' as const),
    local: fc.constantFrom(...locals),
    standing: fc.constantFrom('open' as const, 'closed' as const),
  }),
  fc.record({ is: fc.constant('no-standing' as const), local: fc.constantFrom(...locals) }),
);

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

async function make(db: Kysely<Schema>, made: Change): Promise<void> {
  switch (made.is) {
    case 'rule': {
      const { is: _, from, ...written } = made;
      await db.deleteFrom('rules').where('name', '=', made.name).execute();
      const rule = makeRule({ ...written }, author, () => made.name);
      const when = { ...rule.when, from: from.map(parsePrefix) };
      await insertRules(db, [{ ...rule, when }]);
      return;
    }
    case 'no-rule':
      await db.deleteFrom('rules').where('name', '=', made.name).execute();
      return;
    case 'group':
      await db.deleteFrom('groups').where('name', '=', made.name).execute();
      await insertGroup(db, { name: made.name, source: { kind: 'store' }, ...author });
      return;
    case 'no-group':
      await db.deleteFrom('groups').where('name', '=', made.name).execute();
      return;
    case 'member': {
      const there = await db
        .selectFrom('groups')
        .select('name')
        .where('name', '=', made.name)
        .execute();
      if (there.length > 0) await addMembers(db, made.name, [parseMember(made.member)]);
      return;
    }
    case 'no-member':
      await removeMembers(db, made.name, [parseMember(made.member)]);
      return;
    case 'standing':
      await putStanding(db, { local: made.local, is: made.standing, ...author });
      return;
    case 'no-standing':
      await db.deleteFrom('standings').where('local', '=', made.local).execute();
  }
}

/** What is decided about everybody, everywhere. */
function decisions(authorisation: Authorisation): string[] {
  const remotes = [undefined, ...people].map((name) => ({
    id: name === undefined ? undefined : parseDonai(name),
    names: [],
    validatedBy: 'TI',
  }));
  return remotes.flatMap((remote) =>
    locals.flatMap((local) =>
      ['smtp', 'imap'].flatMap((service) =>
        ['192.0.2.7:1', '198.51.100.1:1'].map((address) => {
          const localId = parseDonai(local);
          const question = { remote, localId, service, address, at: 0 };
          const { allowed, reason, rule } = authorisation.decide(question);
          const demand = authorisation.demand(localId, service);
          return `${allowed} ${reason} ${rule?.name} ${demand} ${authorisation.groupsOf(remote)}`;
        }),
      ),
    ),
  );
}

test('a daemon that reads only what changed decides as one that reads all', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-authz-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openStore(join(folder, 'state'), 'create');
  t.after(() => store.close());
  using running = new Authorisation(store, () => settings, 0, silentLog);
  await running.refresh();
  const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      for (const batch of all) {
        await store.transaction(async (db) => {
          for (const made of batch) await make(db, made);
        });
        await running.refresh();
        using fresh = new Authorisation(store, () => settings, 0, silentLog);
        await fresh.refresh();
        assert.deepEqual(decisions(running), decisions(fresh));
      }
    }),
    { numRuns: 40 },
  );
});
