import type { StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { findKey } from '../token/find-key.ts';
import { importPrivateKey } from '../token/keys.ts';
import { proveKey } from '../token/signer.ts';
import { requireUsable, type UsableCertificate } from './certificate-fitness.ts';
import { addCredential } from './credentials.ts';
import { openIdentityToken, type TokenChoice } from './identity-token.ts';
import { keepKey } from './new-identity.ts';
import { openPkcs12 } from './pkcs12.ts';
import { formatSelector, type Selector } from './selector.ts';

export interface ImportedIdentity {
  readonly credential: number;
  readonly role: StoredRole;
  readonly keyUri: string;
  readonly notAfter: Date;
}

/**
 * Takes over a certificate whose key is in a token already. The key must sign once, to show that it is the
 * certificate's. Throws TlspoolError `unusable-certificate`, `key-mismatch`, and whatever the token says.
 */
export async function importChain(
  store: Store,
  identity: { name: Selector; role: StoredRole | undefined; chain: readonly Buffer[] },
  keyUri: string,
  token: TokenChoice,
): Promise<ImportedIdentity> {
  const { name, chain } = identity;
  const usable = requireUsable(chain, name, identity.role);
  using session = await openIdentityToken(store, { ...token, uri: keyUri });
  const { uri } = findKey(session, keyUri);
  await proveKey(session, uri, usable.publicKey);
  return await keep(store, name, chain, usable, uri);
}

/**
 * Takes over the certificate and the key of a PKCS #12 file. The key goes into the token, and nowhere else.
 * Throws TlspoolError `bad-pkcs12`, `wrong-passphrase`, `unusable-certificate`, and whatever the token says.
 */
export async function importPkcs12(
  store: Store,
  identity: { name: Selector; role: StoredRole | undefined; file: Buffer; passphrase: string },
  token: TokenChoice,
): Promise<ImportedIdentity> {
  const { name } = identity;
  const { chain, privateKey } = openPkcs12(identity.file, identity.passphrase);
  try {
    const usable = requireUsable(chain, name, identity.role);
    using session = await openIdentityToken(store, token);
    const key = await importPrivateKey(session, privateKey, formatSelector(name));
    return await keepKey(session, key, () => keep(store, name, chain, usable, key.uri));
  } finally {
    privateKey.fill(0);
  }
}

async function keep(
  store: Store,
  name: Selector,
  chain: readonly Buffer[],
  { role, keyType, publicKey, notAfter }: UsableCertificate,
  keyUri: string,
): Promise<ImportedIdentity> {
  const credential = await store.transaction((transaction) =>
    addCredential(transaction, name, { role, keyType, keyUri, publicKey, chain }),
  );
  return { credential, role, keyUri, notAfter };
}
