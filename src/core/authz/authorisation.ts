import type { Donai } from '../identity/donai.ts';
import { type Changes, changesSince } from '../store/change-journal.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Decision } from './decision.ts';
import type { Gap } from './group.ts';
import { GroupSources } from './group-sources.ts';
import {
  POLICY_CHANGES,
  type PolicyChoices,
  readPolicyChanges,
  readStoredPolicy,
  type StoredPolicy,
  storedMembers,
} from './load-policy.ts';
import { Memberships } from './memberships.ts';
import { type Demand, Policy } from './policy.ts';
import type { ProgramDecision, ProgramQuestion, ProgramRules } from './program-rule.ts';
import type { Question, Remote } from './question.ts';

export interface AuthorisationSettings {
  /** Whether a local identity that no rule concerns is closed. */
  readonly authorisationRequired: boolean;
  /** Denials of remotes are logged, and the session goes on. */
  readonly authorisationMonitor: boolean;
}

interface Current {
  readonly policy: Policy;
  readonly choices: PolicyChoices;
}

interface Believed {
  readonly memberships: Memberships;
  /** Epoch ms. */
  readonly until: number;
}

/** Decides by the rules and groups of a store, as of a moment ago. */
export class Authorisation implements Disposable {
  readonly #store: Store;
  readonly #settings: () => AuthorisationSettings;
  readonly #poolUid: number;
  readonly #sources: GroupSources;
  #version = -1;
  #generation = -1;
  #position: number | undefined;
  #stored: StoredPolicy | undefined;
  #believed: Believed | undefined;
  #policy: Current | undefined;
  #refreshed: Promise<void> = Promise.resolve();

  constructor(store: Store, settings: () => AuthorisationSettings, poolUid: number, log: Log) {
    this.#store = store;
    this.#settings = settings;
    this.#poolUid = poolUid;
    this.#sources = new GroupSources(store.db, log, () => this.#forgetMembers());
  }

  /**
   * Reads what changed in the store, if anything did; otherwise takes microseconds. One look at a time: what was read
   * earlier never takes the place of what was read later.
   */
  refresh(): Promise<void> {
    const refreshed = this.#refreshed.then(() => this.#refresh());
    this.#refreshed = refreshed.catch(() => undefined);
    return refreshed;
  }

  async #refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    // Many rules are read in pieces: what changed in between was perhaps seen in half, and is read again.
    while (true) {
      const generation = await this.#store.authorisationGeneration();
      if (generation === this.#generation) break;
      await this.#load();
      this.#generation = generation;
    }
    this.#version = version;
  }

  decide(question: Question): Decision {
    return this.#current(question.at).decide(question);
  }

  /** What a server must ask of its clients for this local identity. */
  demand(localId: Donai, service: string): Demand {
    const demand = this.#current(Date.now()).demand(localId, service);
    return demand === 'require' && this.monitors ? 'request' : demand;
  }

  /** Names of the groups that a remote is certainly in. */
  groupsOf(remote: Remote): readonly string[] {
    return [...this.#current(Date.now()).groupsOf(remote).keys()].sort();
  }

  /** May this local program act as this local identity? */
  mayAct(question: ProgramQuestion): ProgramDecision {
    return this.#programs.decide(question);
  }

  /** Groups of which it is not known now who is in them, and why. */
  async gaps(): Promise<ReadonlyMap<string, Gap>> {
    await this.refresh();
    this.#current(Date.now());
    return this.#believed?.memberships.gaps ?? new Map();
  }

  get monitors(): boolean {
    return this.#settings().authorisationMonitor;
  }

  /** Looks at no source any more. */
  [Symbol.dispose](): void {
    this.#sources[Symbol.dispose]();
  }

  get #programs(): ProgramRules {
    return this.#read.programs;
  }

  get #read(): StoredPolicy {
    if (this.#stored === undefined) throw new Error('Nothing was read yet.');
    return this.#stored;
  }

  /** Made anew when what it rests on changed, or is too old to be believed. */
  #current(now: number): Policy {
    const choices = this.#choices;
    if (this.#believed !== undefined && this.#believed.until <= now) this.#forgetMembers();
    if (this.#policy?.choices.closedByDefault === choices.closedByDefault) {
      return this.#policy.policy;
    }
    this.#believed ??= this.#believe(now);
    const { memberships } = this.#believed;
    const policy = new Policy(this.#read.rules, memberships, choices.closedByDefault);
    this.#policy = { policy, choices };
    return policy;
  }

  #believe(now: number): Believed {
    const { rules, groups, members } = this.#read;
    const known = groups.map(({ name, source }) =>
      source.kind === 'store' ? storedMembers(name, members) : this.#sources.members(name, now),
    );
    const memberships = new Memberships(known, rules.groups);
    return { memberships, until: this.#sources.believedUntil };
  }

  #forgetMembers(): void {
    this.#believed = undefined;
    this.#policy = undefined;
  }

  get #choices(): PolicyChoices {
    return { closedByDefault: this.#settings().authorisationRequired, poolUid: this.#poolUid };
  }

  async #load(): Promise<void> {
    const { db } = this.#store;
    const { keys, position } = await changesSince(db, this.#position, POLICY_CHANGES);
    if (keys === undefined || !(await this.#update(keys))) await this.#loadAll();
    this.#position = position;
  }

  async #loadAll(): Promise<void> {
    const stored = await readStoredPolicy(this.#store.db, this.#choices);
    await this.#sources.follow(stored.groups);
    this.#stored = stored;
    this.#forgetMembers();
  }

  /** Only what changed. False: it is too much. */
  async #update(keys: NonNullable<Changes['keys']>): Promise<boolean> {
    if (this.#stored === undefined) return false;
    const { db } = this.#store;
    const update = await readPolicyChanges(db, this.#stored, this.#choices, keys);
    if (update === undefined) return false;
    await this.#sources.follow(update.groups);
    // From here on nobody else has a turn: no decision meets half of it.
    const { policy, memberships } = update.apply();
    this.#stored = policy;
    if (memberships) this.#forgetMembers();
    this.#policy = undefined;
    return true;
  }
}
