import type { Authorisation } from '../authz/authorisation.ts';
import type { TlsRole } from '../engine/types.ts';
import type { Disclosure, DisclosureEntry } from '../identity/disclosure.ts';
import type { Donai } from '../identity/donai.ts';
import type { LocalIdentities, LocalIdentity } from '../identity/local-identities.ts';
import type { Knowledge } from '../session/services.ts';
import type { Store } from '../store/store.ts';
import type { RemoteQuestion, RemoteVerdict } from '../trust/remote-question.ts';
import type { Trust } from '../trust/trust.ts';
import type { OwnRevocations } from './own-revocations.ts';

/** ms for which the store is believed not to have changed: what a command wrote is seen after that. */
const FRESH = 5;

export interface KnowledgeParts {
  readonly store: Pick<Store, 'version'>;
  readonly identities: LocalIdentities;
  readonly disclosure: Disclosure;
  readonly trust: Trust;
  readonly authorisation: Authorisation;
  readonly revocations: Pick<OwnRevocations, 'refresh'>;
}

/** Identities, trust and rules as the store has them, read anew when it changes. */
export class StoreKnowledge implements Knowledge {
  readonly #parts: KnowledgeParts;
  #version = -1;
  #checked = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(parts: KnowledgeParts) {
    this.#parts = parts;
  }

  refresh(): Promise<void> | undefined {
    if (this.#reading !== undefined) return this.#reading;
    const now = performance.now();
    if (now - this.#checked < FRESH) return undefined;
    let version: number;
    try {
      version = this.#parts.store.version();
    } catch (error) {
      // Told as what fails later is: sessions wait for it in the same way.
      return Promise.reject(error);
    }
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
    return this.#parts.identities.find(id, role);
  }

  disclosed(remote: Donai): readonly DisclosureEntry[] {
    return this.#parts.disclosure.matching(remote);
  }

  get disclosesAll(): boolean {
    return this.#parts.disclosure.isEmpty;
  }

  /** By what holds now: the other side may have taken its time since the session began. */
  validate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const refreshed = this.refresh();
    if (refreshed === undefined) return this.#parts.trust.validate(question);
    return refreshed.then(() => this.#parts.trust.validate(question));
  }

  get trustGeneration(): number {
    return this.#parts.trust.generation;
  }

  /** A change while we read brings the next refresh to read again: the version was taken first. */
  async #read(version: number): Promise<void> {
    const { identities, disclosure, trust, authorisation, revocations } = this.#parts;
    await Promise.all([
      identities.refresh(),
      disclosure.refresh(),
      trust.refresh(),
      authorisation.refresh(),
      revocations.refresh(),
    ]);
    this.#version = version;
  }
}
