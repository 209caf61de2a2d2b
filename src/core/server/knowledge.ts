import type { Authorisation } from '../authz/authorisation.ts';
import type { TlsRole } from '../engine/types.ts';
import type { Disclosure, DisclosureEntry } from '../identity/disclosure.ts';
import type { Donai } from '../identity/donai.ts';
import type { LocalIdentities, LocalIdentity } from '../identity/local-identities.ts';
import type { Knowledge } from '../session/services.ts';
import type { Store } from '../store/store.ts';
import type { RemoteQuestion, RemoteVerdict } from '../trust/remote-question.ts';
import type { Trust } from '../trust/trust.ts';

/** ms for which the store is believed not to have changed: what a command wrote is seen after that. */
const FRESH = 5;

/** Identities, trust and rules as the store has them, read anew when it changes. */
export class StoreKnowledge implements Knowledge {
  readonly #store: Pick<Store, 'version'>;
  readonly #identities: LocalIdentities;
  readonly #trust: Trust;
  readonly #disclosure: Disclosure;
  readonly #authorisation: Authorisation;
  #version = -1;
  #checked = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(
    store: Pick<Store, 'version'>,
    identities: LocalIdentities,
    disclosure: Disclosure,
    trust: Trust,
    authorisation: Authorisation,
  ) {
    this.#authorisation = authorisation;
    this.#store = store;
    this.#disclosure = disclosure;
    this.#identities = identities;
    this.#trust = trust;
  }

  refresh(): Promise<void> | undefined {
    if (this.#reading !== undefined) return this.#reading;
    const now = performance.now();
    if (now - this.#checked < FRESH) return undefined;
    const version = this.#store.version();
    this.#checked = now;
    if (version === this.#version) return undefined;
    this.#reading = this.#read(version).then(
      () => {
        this.#reading = undefined;
      },
      (error: unknown) => {
        this.#reading = undefined;
        // Nobody goes on with what was known before: the next one tries again.
        this.#checked = Number.NEGATIVE_INFINITY;
        throw error;
      },
    );
    return this.#reading;
  }

  localIdentity(id: Donai, role: TlsRole): LocalIdentity | undefined {
    return this.#identities.find(id, role);
  }

  disclosed(remote: Donai): readonly DisclosureEntry[] {
    return this.#disclosure.matching(remote);
  }

  get disclosesAll(): boolean {
    return this.#disclosure.isEmpty;
  }

  /** By what holds now: the other side may have taken its time since the session began. */
  validate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const refreshed = this.refresh();
    if (refreshed === undefined) return this.#trust.validate(question);
    return refreshed.then(() => this.#trust.validate(question));
  }

  get trustGeneration(): number {
    return this.#trust.generation;
  }

  /** A change while we read brings the next refresh to read again: the version was taken first. */
  async #read(version: number): Promise<void> {
    await Promise.all([
      this.#identities.refresh(),
      this.#disclosure.refresh(),
      this.#trust.refresh(),
      this.#authorisation.refresh(),
    ]);
    this.#version = version;
  }
}
