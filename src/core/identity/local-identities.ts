import type { Selectable } from 'kysely';
import type { TlsRole } from '../engine/types.ts';
import type { CredentialsTable, StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import type { Donai } from './donai.ts';
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

/** The local identities of a store, held in memory: finding one takes the same time however many there are. */
export class LocalIdentities {
  readonly #store: Store;
  #version = -1;
  #generation = -1;
  #all: readonly LocalIdentity[] = [];
  #usable: Record<TlsRole, ReadonlyMap<string, LocalIdentity>> = {
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
    return this.#all;
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
    return [...this.#usable[role].values()]
      .filter(({ donai }) => isDonai(donai))
      .map(({ donai }) => formatSelector(donai));
  }

  async #load(): Promise<void> {
    this.#all = await readIdentities(this.#store);
    this.#usable = { server: usableAs('server', this.#all), client: usableAs('client', this.#all) };
  }
}

/** `.example.com` for `www.example.com`; certificates know no wildcards for users. */
function wildcardOf({ user, domain }: Donai): string | undefined {
  const dot = domain.indexOf('.');
  return user === undefined && dot > 0 ? domain.slice(dot) : undefined;
}

function usableAs(role: TlsRole, all: readonly LocalIdentity[]): Map<string, LocalIdentity> {
  const usable = new Map<string, LocalIdentity>();
  for (const { donai, credentials } of all) {
    const fitting = credentials.filter(
      (credential) => credential.role === role || credential.role === 'both',
    );
    if (fitting.length > 0) usable.set(formatSelector(donai), { donai, credentials: fitting });
  }
  return usable;
}

async function readIdentities({ db }: Store): Promise<LocalIdentity[]> {
  const rows = await db.selectFrom('identities').select(['id', 'donai']).orderBy('donai').execute();
  const credentials = await db
    .selectFrom('credentials')
    .selectAll()
    .orderBy('preference')
    .orderBy('id', 'desc')
    .execute();
  const byIdentity = Map.groupBy(credentials, (row) => row.identity_id);
  return rows.map(({ id, donai }) => ({
    donai: parseSelector(donai),
    credentials: (byIdentity.get(id) ?? []).map(credentialOf),
  }));
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
