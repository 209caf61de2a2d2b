import type { Kysely } from 'kysely';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { LocalIdentities } from '../identity/local-identities.ts';
import { isDonai } from '../identity/selector.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type DecisionRecord, questionOf, type RemoteRecord } from './decision-log.ts';
import { loadPolicy, type PolicyChoices } from './load-policy.ts';
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
  const { policy: before } = await loadPolicy(store.db, choices);
  const make = async (db: Kysely<Schema>) => {
    const value = await change(db);
    const { policy: after } = await loadPolicy(db, choices);
    return { value, effects: effectsOf(before, after, names, log) };
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

function effectsOf(
  before: Policy,
  after: Policy,
  names: readonly Donai[],
  log: readonly DecisionRecord[],
): ChangeEffects {
  const changed = names.filter((name) => before.closes(name) !== after.closes(name));
  return {
    closed: changed.filter((name) => after.closes(name)).map(formatDonai),
    opened: changed.filter((name) => before.closes(name)).map(formatDonai),
    flips: flipsOf(before, after, log),
  };
}

/** The same question is told once, with its latest time. */
function flipsOf(before: Policy, after: Policy, log: readonly DecisionRecord[]): Flip[] {
  const flips = new Map<string, Flip>();
  for (const record of log) {
    if (record.about !== 'remote') continue;
    const question = questionOf(record);
    const { allowed } = after.decide(question);
    if (allowed === before.decide(question).allowed) continue;
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
