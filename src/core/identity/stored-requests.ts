import type { Selectable } from 'kysely';
import type { RequestsTable, StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';

/** A key that waits for its certificate. */
export interface CertificateRequest {
  readonly donai: string;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  readonly keyUri: string;
  /** PEM. */
  readonly csr: string;
}

/** Those of one identity, or all. */
export async function listRequests(store: Store, donai?: string): Promise<CertificateRequest[]> {
  const rows = await store.db.selectFrom('requests').selectAll().orderBy('id', 'desc').execute();
  return rows.filter((row) => donai === undefined || row.donai === donai).map(requestFrom);
}

function requestFrom(row: Selectable<RequestsTable>): CertificateRequest {
  return {
    donai: row.donai,
    role: row.role,
    keyType: row.key_type as KeyType,
    keyUri: row.key_uri,
    csr: row.csr,
  };
}

/** What people and programs are told of a request. */
export interface RequestFacts {
  readonly id: string;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** `pkcs11:` URI. */
  readonly key: string;
  /** PEM. */
  readonly csr: string;
}

export function requestFacts({
  donai,
  role,
  keyType,
  keyUri,
  csr,
}: CertificateRequest): RequestFacts {
  return { id: donai, role, keyType, key: keyUri, csr };
}
