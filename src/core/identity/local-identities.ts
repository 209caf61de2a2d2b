import type { Selectable } from 'kysely';
import type { TlsRole } from '../engine/types.ts';
import { changesSince } from '../store/change-journal.ts';
import type { CredentialsTable, StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import type { Donai } from './donai.ts';
import { wildcardOf } from './local-name.ts';
import { pemCertificates } from './pem.ts';
import { formatSelector, isDonai, parseSelector, type Selector } from './selector.ts';

/** One of the names that this pool can prove. */
export interface LocalIdentity {
  /** A DoNAI; `.example.com` for a wildcard certificate, which stands for one label more. */
  readonly donai: Selector;
  /** In order of preference; maybe none. */
  readonly credentials: readonly Credential[];
}

export interface Credential {
  readonly id: number;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** `pkcs11:` URI of the private key. */
  readonly keyUri: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  readonly notAfter: Date;
  /** Expression that the remote must meet. */
  readonly validation?: string | undefined;
}

/** Changes that are read one by one; more are read as all. */
const FEW = 1_000;

/** The local identities of a store, held in memory: finding one takes the same time however many there are. */
export class LocalIdentities {
  readonly #store: Store;
  #version = -1;
  #generation = -1;
  #position: number | undefined;
  /** By their id in the store. */
  readonly #all = new Map<number, LocalIdentity>();
  #sorted: readonly LocalIdentity[] | undefined;
  readonly #usable: Record<TlsRole, Map<string, LocalIdentity>> = {
    server: new Map(),
    client: new Map(),
  };

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads what changed in the store, if anything did; otherwise takes microseconds. */
  async refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    const generation = await this.#store.identityGeneration();
    if (generation !== this.#generation) await this.#load();
    this.#generation = generation;
    this.#version = version;
  }

  /** All of them, sorted by name. */
  list(): readonly LocalIdentity[] {
    this.#sorted ??= [...this.#all.values()].sort((one, other) =>
      formatSelector(one.donai) < formatSelector(other.donai) ? -1 : 1,
    );
    return this.#sorted;
  }

  /**
   * The identity that can show itself as `donai`, with its credentials for that role: the one of that very name,
   * else a wildcard one label up.
   */
  find(donai: Donai, role: TlsRole): LocalIdentity | undefined {
    const usable = this.#usable[role];
    return usable.get(formatSelector(donai)) ?? usable.get(wildcardOf(donai) ?? '');
  }

  /** Names of those with credentials for that role, sorted; without wildcards. */
  names(role: TlsRole): string[] {
    return this.list()
      .filter(({ donai }) => isDonai(donai) && this.#usable[role].has(formatSelector(donai)))
      .map(({ donai }) => formatSelector(donai));
  }

  async #load(): Promise<void> {
    const { keys, position } = await changesSince(this.#store.db, this.#position, ['identity']);
    const changed = keys?.get('identity')?.map(Number);
    const few = changed !== undefined && changed.length <= FEW ? changed : undefined;
    const read = await readIdentities(this.#store, few);
    for (const id of few ?? [...this.#all.keys()]) this.#forget(id);
    for (const [id, identity] of read) this.#keep(id, identity);
    this.#sorted = undefined;
    this.#position = position;
  }

  #forget(id: number): void {
    const known = this.#all.get(id);
    if (known === undefined) return;
    this.#all.delete(id);
    for (const usable of Object.values(this.#usable)) usable.delete(formatSelector(known.donai));
  }

  #keep(id: number, identity: LocalIdentity): void {
    this.#all.set(id, identity);
    for (const role of ['server', 'client'] as const) {
      const usable = usableAs(role, identity);
      if (usable !== undefined) this.#usable[role].set(formatSelector(identity.donai), usable);
    }
  }
}

function usableAs(role: TlsRole, { donai, credentials }: LocalIdentity): LocalIdentity | undefined {
  const fitting = credentials.filter(
    (credential) => credential.role === role || credential.role === 'both',
  );
  return fitting.length === 0 ? undefined : { donai, credentials: fitting };
}

/** @param ids undefined: all */
async function readIdentities(
  { db }: Store,
  ids: readonly number[] | undefined,
): Promise<Map<number, LocalIdentity>> {
  let identities = db.selectFrom('identities').select(['id', 'donai']);
  let credentials = db.selectFrom('credentials').selectAll();
  if (ids !== undefined) {
    identities = identities.where('id', 'in', ids);
    credentials = credentials.where('identity_id', 'in', ids);
  }
  const rows = await identities.execute();
  const preferred = await credentials.orderBy('preference').orderBy('id', 'desc').execute();
  const byIdentity = Map.groupBy(preferred, (row) => row.identity_id);
  return new Map(
    rows.map(({ id, donai }) => [
      id,
      { donai: parseSelector(donai), credentials: (byIdentity.get(id) ?? []).map(credentialOf) },
    ]),
  );
}

function credentialOf(row: Selectable<CredentialsTable>): Credential {
  return {
    id: row.id,
    role: row.role,
    keyType: row.key_type as KeyType,
    keyUri: row.key_uri,
    publicKey: row.public_key,
    chain: pemCertificates(row.chain),
    notAfter: new Date(row.not_after),
    validation: row.validation ?? undefined,
  };
}
