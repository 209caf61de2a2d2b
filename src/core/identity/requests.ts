import type { Selectable } from 'kysely';
import { makeCsr } from '../authority/issue.ts';
import { TlspoolError } from '../errors.ts';
import type { RequestsTable, StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { KeyType } from '../token/key-types.ts';
import { generateKeyPair } from '../token/keys.ts';
import { requireUsable } from './certificate-fitness.ts';
import { addCredential } from './credentials.ts';
import { openIdentityToken, type TokenChoice } from './identity-token.ts';
import type { ImportedIdentity } from './import-identity.ts';
import { keepKey } from './new-identity.ts';
import { formatSelector, type Selector } from './selector.ts';
import { type CertificateRequest, listRequests } from './stored-requests.ts';

/**
 * A certificate request (PKCS #10) for another CA. One that still waits is given again rather than made anew,
 * unless `renew` is set.
 */
export async function requestCertificate(
  store: Store,
  wanted: { name: Selector; role: StoredRole; keyType: KeyType; renew: boolean },
  token: TokenChoice,
): Promise<CertificateRequest> {
  const { role, keyType } = wanted;
  const donai = formatSelector(wanted.name);
  const waiting = (await listRequests(store, donai)).find(
    (request) => request.role === role && request.keyType === keyType,
  );
  if (waiting !== undefined && !wanted.renew) return waiting;
  using session = await openIdentityToken(store, token);
  const key = await generateKeyPair(session, keyType, donai);
  return await keepKey(session, key, async () => {
    const { uri: keyUri, publicKey } = key;
    const csr = await makeCsr(session, { id: donai, role, keyType, publicKey, keyUri });
    await store.db
      .insertInto('requests')
      .values({
        donai,
        role,
        key_uri: keyUri,
        key_type: keyType,
        public_key: publicKey,
        csr,
        created_at: new Date().toISOString(),
      })
      .execute();
    return { donai, role, keyType, keyUri, csr };
  });
}

/**
 * Takes the certificate that a CA issued for a request. Throws TlspoolError `unusable-certificate`,
 * `no-request` if no key waits for it.
 */
export async function installCertificate(
  store: Store,
  name: Selector,
  chain: readonly Buffer[],
): Promise<ImportedIdentity> {
  const { publicKey, keyType, notAfter } = requireUsable(chain, name);
  const request = await requestOf(store, formatSelector(name), publicKey);
  const { role, key_uri: keyUri } = request;
  requireUsable(chain, name, role);
  const credential = await store.transaction(async (transaction) => {
    await transaction.deleteFrom('requests').where('id', '=', request.id).execute();
    return addCredential(transaction, name, { role, keyType, keyUri, publicKey, chain });
  });
  return { credential, role, keyUri, notAfter };
}

async function requestOf(
  store: Store,
  donai: string,
  publicKey: Buffer,
): Promise<Selectable<RequestsTable>> {
  const waiting = await store.db
    .selectFrom('requests')
    .selectAll()
    .where('donai', '=', donai)
    .execute();
  if (waiting.length === 0) {
    throw new TlspoolError('no-request', `no key of ${donai} waits for a certificate`, {
      hint: `Make a request with \`tlspool identities csr ${donai}\`, or bring certificate and key together with \`identities import\`.`,
    });
  }
  const request = waiting.find((row) => row.public_key.equals(publicKey));
  if (request !== undefined) return request;
  throw new TlspoolError(
    'key-mismatch',
    `the certificate is for another key than those of ${donai} that wait for one`,
    { hint: 'Was it issued for the latest request? The leaf comes first in the file.' },
  );
}
