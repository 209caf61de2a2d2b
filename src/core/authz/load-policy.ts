import { setImmediate as breathe } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { changesSince } from '../store/change-journal.ts';
import type { ChangeKind, Schema } from '../store/schema.ts';
import type { Gap, Group, GroupMembers, LdapSource } from './group.ts';
import { readGroupFile } from './group-file.ts';
import { Memberships } from './memberships.ts';
import { Policy } from './policy.ts';
import { ProgramRules } from './program-rule.ts';
import { RuleIndex } from './rule-index.ts';
import { type FetchedMembers, listGroups, readFetched, readMembers } from './stored-groups.ts';
import { findRules, listProgramRules, listStandings, readRules } from './stored-rules.ts';
import type { Member } from './who.ts';

/** What the store says about access, read at one moment. */
export interface StoredPolicy {
  readonly rules: RuleIndex;
  readonly programs: ProgramRules;
  readonly groups: readonly Group[];
  /** Of groups that the store keeps. */
  readonly members: Map<string, readonly Member[]>;
}

export interface PolicyChoices {
  /** Whether a local identity that nothing concerns is closed: `authorisation required`. */
  readonly closedByDefault: boolean;
  /** The pool's own user, who may act as anybody, like root. */
  readonly poolUid: number;
}

/** Everybody has a turn between pages. */
export async function readStoredPolicy(
  db: Kysely<Schema>,
  { poolUid }: Pick<PolicyChoices, 'poolUid'>,
): Promise<StoredPolicy> {
  const rules = new RuleIndex();
  for await (const page of readRules(db)) {
    for (const rule of page) rules.add(rule);
    await breathe();
  }
  const { programs, standings, groups } = await readRest(db, poolUid);
  rules.setStandings(standings);
  return { rules, programs, groups, members: await readMembers(db) };
}

/** What changes of a policy are told by. */
export const POLICY_CHANGES: readonly ChangeKind[] = ['rule', 'members', 'policy'];

/** More are not read one by one. */
const FEW = 1_000;

/**
 * Reads what changed, by the keys of the store's journal. What is returned brings the policy up to date in one go, and
 * tells whether memberships may be others; undefined: too much changed for that.
 */
export async function readPolicyChanges(
  db: Kysely<Schema>,
  stored: StoredPolicy,
  { poolUid }: Pick<PolicyChoices, 'poolUid'>,
  keys: ReadonlyMap<ChangeKind, readonly string[]>,
): Promise<PolicyUpdate | undefined> {
  const [names = [], groups = [], others = []] = POLICY_CHANGES.map((kind) => keys.get(kind));
  if (names.length > FEW || groups.length > FEW) return undefined;
  const rules = names.length === 0 ? [] : await findRules(db, names);
  const members = groups.length === 0 ? undefined : await readMembers(db, groups);
  const rest = others.length === 0 ? undefined : await readRest(db, poolUid);
  return {
    groups: rest?.groups ?? stored.groups,
    apply: () => {
      const gone = names.map((name) => stored.rules.remove(name));
      for (const rule of rules) stored.rules.add(rule);
      for (const group of groups) stored.members.set(group, members?.get(group) ?? []);
      if (rest !== undefined) stored.rules.setStandings(rest.standings);
      const aboutGroups = [...gone, ...rules].some((rule) => rule?.who.kind === 'group');
      return {
        policy:
          rest === undefined ? stored : { ...stored, programs: rest.programs, groups: rest.groups },
        memberships: aboutGroups || groups.length > 0 || rest !== undefined,
      };
    },
  };
}

export interface PolicyUpdate {
  /** All there are then. */
  readonly groups: readonly Group[];
  readonly apply: () => { readonly policy: StoredPolicy; readonly memberships: boolean };
}

async function readRest(db: Kysely<Schema>, poolUid: number) {
  return {
    programs: new ProgramRules(await listProgramRules(db), poolUid),
    standings: await listStandings(db),
    groups: await listGroups(db),
  };
}

export interface LoadedPolicy extends StoredPolicy {
  readonly policy: Policy;
  readonly memberships: Memberships;
  /** What is known of each group's members. */
  readonly known: ReadonlyMap<string, GroupMembers>;
}

/** The policy as it is now, groups of files and directories included: what a daemon on this store decides by. */
export async function loadPolicy(
  db: Kysely<Schema>,
  choices: PolicyChoices,
  now = Date.now(),
): Promise<LoadedPolicy> {
  return await complete(db, await readStoredPolicy(db, choices), choices, now);
}

/**
 * The policy after changes, of which only those are read. `before` is of no use any more then.
 * @param position of the store's journal, from before `before` was read
 */
export async function loadChangedPolicy(
  db: Kysely<Schema>,
  before: StoredPolicy,
  choices: PolicyChoices,
  position: number,
): Promise<LoadedPolicy> {
  const { keys } = await changesSince(db, position, POLICY_CHANGES);
  const update = keys && (await readPolicyChanges(db, before, choices, keys));
  const stored = update?.apply().policy ?? (await readStoredPolicy(db, choices));
  return await complete(db, stored, choices, Date.now());
}

async function complete(
  db: Kysely<Schema>,
  stored: StoredPolicy,
  choices: PolicyChoices,
  now: number,
): Promise<LoadedPolicy> {
  const fetched = await readFetched(db);
  const groups = await Promise.all(
    stored.groups.map(async ({ name, source }) => {
      if (source.kind === 'file') return await readGroupFile(name, source.path);
      if (source.kind === 'ldap') return fetchedMembers(name, source, fetched.get(name), now);
      return storedMembers(name, stored.members);
    }),
  );
  const memberships = new Memberships(groups, stored.rules.groups);
  const policy = new Policy(stored.rules, memberships, choices.closedByDefault);
  return {
    ...stored,
    policy,
    memberships,
    known: new Map(groups.map((known) => [known.group, known])),
  };
}

export function storedMembers(
  group: string,
  members: ReadonlyMap<string, readonly Member[]>,
): GroupMembers {
  return { group, members: members.get(group) ?? [], gap: undefined };
}

/** What a directory said is believed until its stale limit. */
export function fetchedMembers(
  group: string,
  source: LdapSource,
  fetched: FetchedMembers | undefined,
  now: number,
): GroupMembers {
  if (fetched === undefined) {
    return { group, members: [], gap: stale(group, `${source.url} was never reached`) };
  }
  const age = Math.round((now - fetched.at) / 1_000);
  if (age < 0)
    return { group, members: [], gap: stale(group, `${source.url} ${BY_ANOTHER_CLOCK}`) };
  if (age < source.stale) return { group, members: fetched.members, gap: undefined };
  const limit = `${source.url} was not reached for ${age} s, ${source.stale} s are allowed`;
  return { group, members: [], gap: stale(group, limit) };
}

const BY_ANOTHER_CLOCK = 'was reached when the clock of this machine was ahead of now';

function stale(group: string, text: string): Gap {
  return { group, reason: 'stale', text };
}
