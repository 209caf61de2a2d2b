import type { Kysely } from 'kysely';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { LocalIdentities } from '../identity/local-identities.ts';
import { isDonai } from '../identity/selector.ts';
import { changesSince } from '../store/change-journal.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type DecisionRecord, questionOf, type RemoteRecord } from './decision-log.ts';
import {
  loadChangedPolicy,
  loadPolicy,
  POLICY_CHANGES,
  type PolicyChoices,
} from './load-policy.ts';
import type { Policy } from './policy.ts';

/** What a change of the policy does, beyond itself. */
export interface ChangeEffects {
  /** Local identities that let in only those whom a rule allows, from now on; they were open before. */
  readonly closed: readonly string[];
  /** Those that were closed, and let everybody in from now on. */
  readonly opened: readonly string[];
  /** Logged decisions that would be others now. */
  readonly flips: readonly Flip[];
}

export interface Flip {
  readonly record: RemoteRecord;
  /** From now on. */
  readonly allowed: boolean;
  /** How often it was asked. */
  readonly times: number;
}

export interface ChangeOrder<Value> {
  readonly store: Store;
  readonly choices: PolicyChoices;
  readonly change: (db: Kysely<Schema>) => Promise<Value>;
  /** Logged decisions to ask again. */
  readonly log: readonly DecisionRecord[];
  /** Only look what it would do. */
  readonly dryRun: boolean;
}

/** Changes the policy in one transaction, and tells what that does. */
export async function changePolicy<Value>(
  order: ChangeOrder<Value>,
): Promise<{ readonly value: Value; readonly effects: ChangeEffects }> {
  const { store, choices, change, log, dryRun } = order;
  const names = await serverNames(store);
  // Taken first: what others change while we read is read again.
  const { position } = await changesSince(store.db, undefined, POLICY_CHANGES);
  const loaded = await loadPolicy(store.db, choices);
  const before = standOf(loaded.policy, names, log);
  const make = async (db: Kysely<Schema>) => {
    const value = await change(db);
    const { policy } = await loadChangedPolicy(db, loaded, choices, position);
    return { value, effects: effectsOf(before, standOf(policy, names, log)) };
  };
  return dryRun ? await tryChange(store, make) : await store.transaction(make);
}

/** What a change would lead to; nothing of it stays. */
export async function tryChange<Value>(
  store: Store,
  change: (db: Kysely<Schema>) => Promise<Value>,
): Promise<Value> {
  const outcome: { done?: { readonly value: Value } } = {};
  try {
    await store.transaction(async (transaction) => {
      outcome.done = { value: await change(transaction) };
      throw new NotMeant();
    });
  } catch (error) {
    if (!(error instanceof NotMeant)) throw error;
  }
  if (outcome.done === undefined) throw new Error('A change left no outcome.');
  return outcome.done.value;
}

/** Undoes the transaction of a change that was only tried. */
class NotMeant extends Error {}

/** How things stand under a policy. */
interface Stand {
  readonly closed: ReadonlyMap<string, boolean>;
  readonly allowed: ReadonlyMap<RemoteRecord, boolean>;
}

function standOf(policy: Policy, names: readonly Donai[], log: readonly DecisionRecord[]): Stand {
  const remotes = log.filter((record) => record.about === 'remote');
  return {
    closed: new Map(names.map((name) => [formatDonai(name), policy.closes(name)])),
    allowed: new Map(remotes.map((record) => [record, policy.decide(questionOf(record)).allowed])),
  };
}

function effectsOf(before: Stand, after: Stand): ChangeEffects {
  const changed = [...after.closed].filter(([name, is]) => before.closed.get(name) !== is);
  return {
    closed: changed.filter(([, is]) => is).map(([name]) => name),
    opened: changed.filter(([, is]) => !is).map(([name]) => name),
    flips: flipsOf(before, after),
  };
}

/** The same question is told once, with its latest time. */
function flipsOf(before: Stand, after: Stand): Flip[] {
  const flips = new Map<string, Flip>();
  for (const [record, allowed] of after.allowed) {
    if (allowed === before.allowed.get(record)) continue;
    const key = `${record.remote} ${record.names.join()} ${record.local} ${record.service}`;
    flips.set(key, { record, allowed, times: (flips.get(key)?.times ?? 0) + 1 });
  }
  return [...flips.values()];
}

async function serverNames(store: Store): Promise<Donai[]> {
  const identities = new LocalIdentities(store);
  await identities.refresh();
  const names = identities.list().flatMap(({ donai, credentials }) => {
    const serves = credentials.length === 0 || credentials.some(({ role }) => role !== 'client');
    return serves && isDonai(donai) ? [donai] : [];
  });
  return names;
}
