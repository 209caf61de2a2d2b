import type { Donai } from '../identity/donai.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Decision } from './decision.ts';
import { GroupSources } from './group-sources.ts';
import {
  type PolicyChoices,
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
  #stored: StoredPolicy | undefined;
  #policy: Current | undefined;

  constructor(store: Store, settings: () => AuthorisationSettings, poolUid: number, log: Log) {
    this.#store = store;
    this.#settings = settings;
    this.#poolUid = poolUid;
    this.#sources = new GroupSources(store.db, log, () => {
      this.#policy = undefined;
    });
  }

  /** Reads what changed in the store, if anything did; otherwise takes microseconds. */
  async refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    const generation = await this.#store.authorisationGeneration();
    if (generation !== this.#generation) await this.#load();
    this.#generation = generation;
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
    if (this.#policy !== undefined && this.#policy.until > now) {
      if (this.#policy.choices.closedByDefault === choices.closedByDefault)
        return this.#policy.policy;
    }
    const { rules, groups, members } = this.#read;
    const known = groups.map(
      ({ name }) => this.#sources.members(name, now) ?? storedMembers(name, members),
    );
    const policy = new Policy(rules, new Memberships(known, rules.groups), choices.closedByDefault);
    this.#policy = { policy, choices, until: this.#sources.believedUntil };
    return policy;
  }

  get #choices(): PolicyChoices {
    return { closedByDefault: this.#settings().authorisationRequired, poolUid: this.#poolUid };
  }

  async #load(): Promise<void> {
    const stored = await readStoredPolicy(this.#store.db, this.#choices);
    await this.#sources.follow(stored.groups);
    this.#stored = stored;
    this.#policy = undefined;
  }
}
