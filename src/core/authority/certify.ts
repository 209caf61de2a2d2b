import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { openIdentityToken, type TokenChoice } from '../identity/identity-token.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import { authorityKindFor, listAuthorities } from './authorities.ts';
import { type IssuedCertificate, issueLeaf } from './issue.ts';

export interface Certification {
  /** Canonical DoNAI, or `.example.com`. */
  readonly id: string;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly days: number | undefined;
  /** See Subject. */
  readonly url: string | undefined;
}

/** A certificate of the local CA for a key that is not ours. @throws as issueLeaf, and what tokens throw */
export async function certifyKey(
  store: Store,
  subject: Certification,
  token: Omit<TokenChoice, 'uri'>,
): Promise<IssuedCertificate> {
  const kind = authorityKindFor(subject.keyType);
  const root = (await listAuthorities(store)).find((authority) => authority.kind === kind);
  using session = await openIdentityToken(store, { ...token, uri: root?.keyUri });
  return await issueLeaf(store, session, subject);
}

/** A key outside of any token, for programs that cannot use one. */
export function looseKeyPair(type: KeyType): { publicKey: Buffer; privateKey: Buffer } {
  const { publicKey, privateKey } = generate(type);
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

function generate(type: KeyType): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (type) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    default:
      return generateKeyPairSync('rsa', { modulusLength: Number(type.slice('rsa-'.length)) });
  }
}
