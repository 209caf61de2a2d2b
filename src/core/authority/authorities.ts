/**
 * The local CA: two self-signed roots whose keys are in the token. An EC one and an RSA one, because a leaf
 * whose chain has another kind of signature than its key fails with clients that know only that kind.
 */
import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';

export type AuthorityKind = 'ec' | 'rsa';

export interface Authority {
  readonly id: number;
  readonly kind: AuthorityKind;
  /** DER. */
  readonly certificate: Buffer;
  readonly keyUri: string;
}

/** Which root signs leaves of this type: Ed25519 goes with EC, as no client knows Ed25519 alone. */
export function authorityKindFor(type: KeyType): AuthorityKind {
  return type.startsWith('rsa-') ? 'rsa' : 'ec';
}

/** In the order EC, RSA. @throws TlspoolError `no-authority` */
export async function listAuthorities(store: Store): Promise<Authority[]> {
  const rows = await store.db.selectFrom('authorities').selectAll().orderBy('kind').execute();
  if (rows.length === 0) {
    throw new TlspoolError('no-authority', `${store.path} has no local CA`, {
      hint: 'Its creation was interrupted: remove the state folder and run `tlspool init` again.',
    });
  }
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    certificate: Buffer.from(row.certificate),
    keyUri: row.key_uri,
  }));
}

/** The roots' certificates as PEM, one after the other. */
export async function exportAnchors(
  store: Store,
  kinds: readonly AuthorityKind[] = ['ec', 'rsa'],
): Promise<string> {
  const authorities = await listAuthorities(store);
  return authorities
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ certificate }) => new X509Certificate(certificate).toString())
    .join('');
}
