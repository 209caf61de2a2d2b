import { authorityKindFor, listAuthorities } from '../authority/authorities.ts';
import { issueLeaf, selfSign } from '../authority/issue.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import { destroyKey, generateKeyPair, type NewKey } from '../token/keys.ts';
import type { TokenSession } from '../token/token-session.ts';
import { matchPkcs11Uri, parsePkcs11Uri, tokenPart } from '../token/uri.ts';
import { addCredential, refuseSecond } from './credentials.ts';
import { openIdentityToken, type TokenChoice } from './identity-token.ts';
import { formatSelector, type Selector } from './selector.ts';

export interface NewIdentity {
  readonly name: Selector;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  readonly selfSigned: boolean;
  /** Of the certificate; undefined: the authority's default. */
  readonly days: number | undefined;
  /** See Subject of the authority. */
  readonly url?: string | undefined;
  /** Make another one although there is one of that kind. */
  readonly renew: boolean;
}

export interface MadeIdentity {
  readonly credential: number;
  readonly keyUri: string;
  readonly notAfter: Date;
}

/**
 * Makes a key in the token and a certificate for it, and keeps both as a local identity. If any of it fails, the
 * key is destroyed again. Throws TlspoolError `identity-exists` and whatever the token or the authority say.
 */
export async function makeIdentity(
  store: Store,
  identity: NewIdentity,
  token: TokenChoice,
): Promise<MadeIdentity> {
  const { name, role, keyType } = identity;
  if (!identity.renew) await refuseSecond(store.db, name, keyType, role);
  using session = await openIdentityToken(store, token);
  const key = await generateKeyPair(session, keyType, formatSelector(name));
  return await keepKey(session, key, async () => {
    const { chain, notAfter } = await certify(store, session, identity, key, token);
    const credential = await store.transaction((transaction) =>
      addCredential(transaction, name, {
        role,
        keyType,
        keyUri: key.uri,
        publicKey: key.publicKey,
        chain,
      }),
    );
    return { credential, keyUri: key.uri, notAfter };
  });
}

/** What failed must leave no key behind that nobody knows of. */
export async function keepKey<T>(
  session: TokenSession,
  { uri }: NewKey,
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    destroyKey(session, uri);
    throw error;
  }
}

async function certify(
  store: Store,
  session: TokenSession,
  { name, role, keyType, selfSigned, days, url }: NewIdentity,
  key: NewKey,
  token: TokenChoice,
) {
  const subject = {
    id: formatSelector(name),
    role,
    keyType,
    publicKey: key.publicKey,
    keyUri: key.uri,
    days,
    url,
  };
  if (selfSigned) return selfSign(session, subject);
  const authorityKey = await authorityKeyUri(store, keyType);
  if (holds(session, authorityKey)) return issueLeaf(store, session, subject);
  using authority = await openIdentityToken(store, { ask: token.ask, uri: authorityKey });
  return await issueLeaf(store, authority, subject);
}

async function authorityKeyUri(store: Store, keyType: KeyType): Promise<string | undefined> {
  const kind = authorityKindFor(keyType);
  return (await listAuthorities(store)).find((authority) => authority.kind === kind)?.keyUri;
}

function holds(session: TokenSession, keyUri: string | undefined): boolean {
  return (
    keyUri === undefined || matchPkcs11Uri(tokenPart(parsePkcs11Uri(keyUri)), session.attributes)
  );
}
