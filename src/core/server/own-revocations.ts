import { listRevoked } from '../authority/issued.ts';
import type { Store } from '../store/store.ts';
import { sha256 } from '../trust/fingerprints.ts';
import type { Stapling } from './stapling.ts';

/** Sees to it that what the local CA revokes is not vouched for from the next session on. */
export class OwnRevocations {
  readonly #store: Pick<Store, 'db' | 'trustGeneration'>;
  readonly #stapling: Pick<Stapling, 'withhold'>;
  #generation = -1;

  constructor(store: Pick<Store, 'db' | 'trustGeneration'>, stapling: Pick<Stapling, 'withhold'>) {
    this.#store = store;
    this.#stapling = stapling;
  }

  /** Reads anew what was revoked, if trust has changed. */
  async refresh(): Promise<void> {
    const generation = await this.#store.trustGeneration();
    if (generation === this.#generation) return;
    this.#stapling.withhold(new Set((await listRevoked(this.#store)).map(sha256)));
    this.#generation = generation;
  }
}
