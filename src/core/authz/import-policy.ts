import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { createGroup, refuseCycles } from './change-groups.ts';
import {
  entryText,
  formatPolicy,
  groupText,
  standingLine,
  type WrittenPolicy,
} from './policy-file.ts';
import { addMembers, listGroups, readMembers, removeMembers } from './stored-groups.ts';
import {
  insertProgramRule,
  insertRules,
  listProgramRules,
  listRules,
  listStandings,
  putStanding,
} from './stored-rules.ts';
import { formatWho } from './who.ts';

/** The policy of a store as it can be written down. */
export async function readPolicy(db: Kysely<Schema>): Promise<WrittenPolicy> {
  return {
    rules: await listRules(db),
    programRules: await listProgramRules(db),
    standings: await listStandings(db),
    groups: await listGroups(db),
    members: await readMembers(db),
  };
}

/** What an import changes: lines of the policy's text. */
export interface PolicyDifference {
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** Puts a policy in the place of what is there. What is the same in both keeps its author and time. */
export async function importPolicy(
  db: Kysely<Schema>,
  wanted: WrittenPolicy,
): Promise<PolicyDifference> {
  const before = await readPolicy(db);
  await importGroups(db, before, wanted);
  await importRules(db, before, wanted);
  await importStandings(db, before, wanted);
  return difference(formatPolicy(before), formatPolicy(await readPolicy(db)));
}

async function importRules(
  db: Kysely<Schema>,
  before: WrittenPolicy,
  wanted: WrittenPolicy,
): Promise<void> {
  const rules = changes(before.rules, wanted.rules, entryText);
  for (const { name } of rules.gone)
    await db.deleteFrom('rules').where('name', '=', name).execute();
  const programs = changes(before.programRules, wanted.programRules, entryText);
  for (const { name } of programs.gone) {
    await db.deleteFrom('program_rules').where('name', '=', name).execute();
  }
  await insertRules(db, rules.fresh);
  for (const rule of programs.fresh) await insertProgramRule(db, rule);
}

async function importStandings(
  db: Kysely<Schema>,
  before: WrittenPolicy,
  wanted: WrittenPolicy,
): Promise<void> {
  const { gone, fresh } = changes(before.standings, wanted.standings, standingLine);
  for (const { local } of gone) {
    await db.deleteFrom('standings').where('local', '=', local).execute();
  }
  for (const standing of fresh) await putStanding(db, standing);
}

async function importGroups(
  db: Kysely<Schema>,
  before: WrittenPolicy,
  wanted: WrittenPolicy,
): Promise<void> {
  const { gone, fresh } = changes(before.groups, wanted.groups, groupText);
  for (const { name } of gone) await db.deleteFrom('groups').where('name', '=', name).execute();
  for (const group of fresh) await createGroup(db, group, []);
  const kept = await readMembers(db);
  for (const { name, source } of wanted.groups) {
    if (source.kind !== 'store') continue;
    const members = wanted.members.get(name) ?? [];
    const listed = new Set(members.map(formatWho));
    const old = (kept.get(name) ?? []).filter((member) => !listed.has(formatWho(member)));
    await removeMembers(db, name, old);
    if (members.length > 0) await addMembers(db, name, members);
  }
  await refuseCycles(db, holders(wanted));
}

/** Groups that hold other groups. */
function holders({ members }: WrittenPolicy): string[] {
  return [...members].flatMap(([name, list]) =>
    list.some(({ kind }) => kind === 'group') ? [name] : [],
  );
}

function changes<Entry>(
  before: readonly Entry[],
  wanted: readonly Entry[],
  text: (entry: Entry) => string,
): { readonly gone: Entry[]; readonly fresh: Entry[] } {
  const [old, now] = [new Set(before.map(text)), new Set(wanted.map(text))];
  return {
    gone: before.filter((entry) => !now.has(text(entry))),
    fresh: wanted.filter((entry) => !old.has(text(entry))),
  };
}

/** Members are told with their group: `group staff: mary@example.com`. */
function difference(before: string, after: string): PolicyDifference {
  const [old, now] = [new Set(fullLines(before)), new Set(fullLines(after))];
  return {
    removed: [...old].filter((line) => !now.has(line)),
    added: [...now].filter((line) => !old.has(line)),
  };
}

function fullLines(text: string): string[] {
  let group = '';
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [];
    if (!line.startsWith(' ')) {
      group = /^group \S+/.exec(line)?.[0] ?? '';
      return [line];
    }
    return [`${group}: ${line.trim()}`];
  });
}
