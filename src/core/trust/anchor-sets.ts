import type { AnchorSetHandle, TlsRole } from '../engine/types.ts';
import type { Donai } from '../identity/donai.ts';
import { formatSelector, walk } from '../identity/selector.ts';
import type { Anchor } from './anchors.ts';

/** What holds sets of anchors, ready to verify with: the engine. */
export interface AnchorHolder {
  createAnchors(certificates: Buffer[]): AnchorSetHandle;
  releaseAnchors(handle: AnchorSetHandle): void;
}

/** How many different sets are kept; names that lead to more make the oldest be built anew. */
const KEPT_SETS = 64;

/** For each name and role, the anchors that vouch for it: found by the steps of its walk, however many there are. */
export class AnchorSets {
  readonly #holder: AnchorHolder;
  readonly #bySelector: Record<TlsRole, ReadonlyMap<string, readonly Anchor[]>>;
  readonly #sets = new Map<string, AnchorSet>();

  constructor(holder: AnchorHolder, anchors: readonly Anchor[]) {
    this.#holder = holder;
    this.#bySelector = { server: indexFor('server', anchors), client: indexFor('client', anchors) };
  }

  /** Undefined if nothing vouches for that name. Let go of with `release`. */
  acquire(name: Donai, role: TlsRole): AnchorSet | undefined {
    const anchors = this.#anchorsFor(name, role);
    if (anchors.length === 0) return undefined;
    const key = anchors.map(({ id }) => id).join();
    const set = this.#sets.get(key) ?? this.#create(key, anchors);
    set.acquire();
    return set;
  }

  /** Frees what is not in use, now; the rest as soon as it is released. */
  close(): void {
    for (const set of this.#sets.values()) set.release();
    this.#sets.clear();
  }

  #anchorsFor(name: Donai, role: TlsRole): Anchor[] {
    const index = this.#bySelector[role];
    const found = new Set(walk(name).flatMap((step) => index.get(formatSelector(step)) ?? []));
    return [...found].sort((one, other) => one.id - other.id);
  }

  #create(key: string, anchors: readonly Anchor[]): AnchorSet {
    const [oldest] = this.#sets;
    if (oldest !== undefined && this.#sets.size >= KEPT_SETS) {
      this.#sets.delete(oldest[0]);
      oldest[1].release();
    }
    const handle = this.#holder.createAnchors(anchors.map(({ certificate }) => certificate));
    const set = new AnchorSet(handle, () => this.#holder.releaseAnchors(handle));
    this.#sets.set(key, set);
    return set;
  }
}

/** A set in the engine, freed when its last user released it. Whoever made it is the first user. */
export class AnchorSet {
  readonly handle: AnchorSetHandle;
  readonly #free: () => void;
  #users = 1;

  constructor(handle: AnchorSetHandle, free: () => void) {
    this.handle = handle;
    this.#free = free;
  }

  acquire(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#free();
  }
}

function indexFor(role: TlsRole, anchors: readonly Anchor[]): Map<string, Anchor[]> {
  const index = new Map<string, Anchor[]>();
  for (const anchor of anchors) {
    if (anchor.role !== role && anchor.role !== 'both') continue;
    for (const selector of anchor.selectors) {
      const key = formatSelector(selector);
      index.set(key, [...(index.get(key) ?? []), anchor]);
    }
  }
  return index;
}
