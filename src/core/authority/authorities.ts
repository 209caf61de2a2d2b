/**
 * The local CA: two self-signed roots whose keys are in the token. An EC one and an RSA one, because a leaf
 * whose chain has another kind of signature than its key fails with clients that know only that kind.
 */
import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import { destroyKey, generateKeyPair } from '../token/keys.ts';
import { signer } from '../token/signer.ts';
import type { TokenSession } from '../token/token-session.ts';
import { ANYONE, addAnchor } from '../trust/anchors.ts';
import { makeCertificate, randomSerial } from './certificate.ts';
import { rootExtensions } from './extensions.ts';
import { commonName } from './subject.ts';
import { rootValidity } from './validity.ts';

export type AuthorityKind = 'ec' | 'rsa';

export interface Authority {
  readonly id: number;
  readonly kind: AuthorityKind;
  /** DER. */
  readonly certificate: Buffer;
  readonly keyUri: string;
}

const rootKeyTypes: Readonly<Record<AuthorityKind, KeyType>> = { ec: 'ec-p256', rsa: 'rsa-3072' };

/** Which root signs leaves of this type: Ed25519 goes with EC, as no client knows Ed25519 alone. */
export function authorityKindFor(type: KeyType): AuthorityKind {
  return type.startsWith('rsa-') ? 'rsa' : 'ec';
}

/** A root that is not in any store yet. */
type NewAuthority = Omit<Authority, 'id'>;

/**
 * Makes both roots, keys and certificates, and keeps and trusts them: the local CA vouches for everyone.
 * If that fails, no key is left in the token.
 */
export async function createAuthority(store: Store, session: TokenSession): Promise<void> {
  const roots: NewAuthority[] = [];
  try {
    for (const kind of ['ec', 'rsa'] as const) roots.push(await makeRoot(session, kind));
    await keepAuthorities(store, roots);
  } catch (error) {
    for (const { keyUri } of roots) destroyKey(session, keyUri);
    throw error;
  }
}

async function makeRoot(session: TokenSession, kind: AuthorityKind): Promise<NewAuthority> {
  const serial = randomSerial();
  // Roots of several machines lie in one trust store: the name tells them apart.
  const name = `tlspool local CA ${kind.toUpperCase()} ${serial.slice(0, 8)}`;
  const type = rootKeyTypes[kind];
  const { uri, publicKey } = await generateKeyPair(session, type, name);
  const certificate = await makeCertificate(
    {
      serial,
      subject: commonName(name),
      issuer: commonName(name),
      validity: rootValidity(new Date()),
      publicKey,
      extensions: rootExtensions(publicKey),
    },
    { sign: signer(session, uri), type, publicKey },
  );
  return { kind, certificate, keyUri: uri };
}

async function keepAuthorities(store: Store, roots: readonly NewAuthority[]): Promise<void> {
  await store.transaction(async (transaction) => {
    for (const { kind, certificate, keyUri } of roots) {
      await transaction
        .insertInto('authorities')
        .values({ kind, certificate, key_uri: keyUri })
        .execute();
      await addAnchor(transaction, {
        certificate,
        role: 'both',
        selectors: ANYONE,
        source: 'local-ca',
      });
    }
  });
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
