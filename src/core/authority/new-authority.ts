/** How the local CA comes into being. Apart from authorities.ts, as what makes certificates is slow to load. */
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import { destroyKey, generateKeyPair } from '../token/keys.ts';
import { signer } from '../token/signer.ts';
import type { TokenSession } from '../token/token-session.ts';
import { ANYONE, addAnchor } from '../trust/anchors.ts';
import type { Authority, AuthorityKind } from './authorities.ts';
import { makeCertificate, randomSerial } from './certificate.ts';
import { rootExtensions } from './extensions.ts';
import { commonName } from './subject.ts';
import { rootValidity } from './validity.ts';

const rootKeyTypes: Readonly<Record<AuthorityKind, KeyType>> = { ec: 'ec-p256', rsa: 'rsa-3072' };

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
