import type { Store } from '../store/store.ts';
import { type Donai, makeDonai, parseDonai } from './donai.ts';
import { formatSelector, parseSelector, type Selector, walk } from './selector.ts';

/** What one selector of remotes may see. */
export interface DisclosureEntry {
  readonly remote: Selector;
  /** Steps of the walk from the remote that was asked about to the selector. */
  readonly level: number;
  /** In order of preference; at least one. */
  readonly locals: readonly Donai[];
}

/** Which of our identities which remotes may see, held in memory: a look-up takes a few steps however many entries there are. */
export class Disclosure {
  readonly #store: Pick<Store, 'db' | 'disclosureGeneration'>;
  #generation = -1;
  #entries: ReadonlyMap<string, readonly Donai[]> = new Map();

  constructor(store: Pick<Store, 'db' | 'disclosureGeneration'>) {
    this.#store = store;
  }

  /** Reads what changed in the store, if anything did. */
  async refresh(): Promise<void> {
    const generation = await this.#store.disclosureGeneration();
    if (generation === this.#generation) return;
    this.#entries = await readEntries(this.#store);
    this.#generation = generation;
  }

  /** While nothing is said, programs say what they show. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Raised with every change. */
  get generation(): number {
    return this.#generation;
  }

  /** The entry that counts: the most specific one. */
  find(remote: Donai): DisclosureEntry | undefined {
    return this.#matching(remote).next().value ?? undefined;
  }

  /** All that match, the most specific first. */
  matching(remote: Donai): DisclosureEntry[] {
    return [...this.#matching(remote)];
  }

  /** All of them, by selector. */
  *list(): Iterable<{ readonly remote: Selector; readonly locals: readonly Donai[] }> {
    for (const [remote, locals] of this.#entries) yield { remote: parseSelector(remote), locals };
  }

  *#matching(remote: Donai): Generator<DisclosureEntry, undefined> {
    for (const [level, step] of walk(remote).entries()) {
      const locals = this.#entries.get(formatSelector(step));
      if (locals !== undefined) yield { remote: step, level, locals };
    }
  }
}

async function readEntries({ db }: Pick<Store, 'db'>): Promise<Map<string, readonly Donai[]>> {
  const rows = await db
    .selectFrom('disclosures')
    .select(['remote', 'local'])
    .orderBy('remote')
    .orderBy('position')
    .execute();
  const entries = new Map<string, Donai[]>();
  const domains = new Map<string, string>();
  for (const { remote, local } of rows) {
    const donai = sharing(domains, parseDonai(local));
    const locals = entries.get(remote);
    if (locals === undefined) entries.set(remote, [donai]);
    else locals.push(donai);
  }
  return entries;
}

/** With the text that others of the same domain have: many have few domains, and so these are near to hand. */
function sharing(domains: Map<string, string>, { user, domain }: Donai): Donai {
  const shared = domains.get(domain) ?? domain;
  domains.set(shared, shared);
  return makeDonai(user, shared);
}
