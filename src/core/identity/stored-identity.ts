import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { mustStaple } from '../trust/tls-features.ts';
import { printable } from './domain-name.ts';
import { type Credential, LocalIdentities, type LocalIdentity } from './local-identities.ts';
import { formatSelector, type Selector } from './selector.ts';
import { listRequests } from './stored-requests.ts';

/** All local identities of a store, sorted by name. */
export async function readLocalIdentities(store: Store): Promise<readonly LocalIdentity[]> {
  const identities = new LocalIdentities(store);
  await identities.refresh();
  return identities.list();
}

/** The identity of that name; without credentials if all that it has is a request. Throws TlspoolError `no-identity`. */
export async function requireIdentity(store: Store, name: Selector): Promise<LocalIdentity> {
  const wanted = formatSelector(name);
  const identity = (await readLocalIdentities(store)).find(
    ({ donai }) => formatSelector(donai) === wanted,
  );
  if (identity !== undefined) return identity;
  if ((await listRequests(store, wanted)).length > 0) return { donai: name, credentials: [] };
  throw new TlspoolError('no-identity', `there is no local identity ${wanted}`, {
    hint: `See \`tlspool identities list\`; make it with \`tlspool identities create ${wanted}\`.`,
  });
}

/** One credential of an identity, by its number. Throws TlspoolError `no-credential`. */
export function requireCredential({ donai, credentials }: LocalIdentity, id: number): Credential {
  const credential = credentials.find((each) => each.id === id);
  if (credential !== undefined) return credential;
  throw new TlspoolError('no-credential', `${formatSelector(donai)} has no credential ${id}`, {
    hint: `It has ${credentials.map((each) => each.id).join(', ') || 'none'}.`,
  });
}

/** The one that is offered first. Throws TlspoolError `no-credential`. */
export function preferredCredential({ donai, credentials }: LocalIdentity): Credential {
  const [preferred] = credentials;
  if (preferred !== undefined) return preferred;
  throw new TlspoolError('no-credential', `${formatSelector(donai)} has no certificate yet`, {
    hint: 'Its request waits: give the answer of the CA to `tlspool identities install`.',
  });
}

/** What people and programs are told of a credential. */
export interface CredentialFacts {
  readonly number: number;
  readonly role: StoredRole;
  readonly keyType: string;
  /** `pkcs11:` URI. */
  readonly key: string;
  /** Common name of who signed the certificate, or `itself`. */
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial: string;
  /** SHA-256 of the leaf, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** How many certificates are sent. */
  readonly chainLength: number;
  /** Whether clients refuse it unless an OCSP response is stapled to it (RFC 7633). */
  readonly mustStaple: boolean;
}

export function credentialFacts(credential: Credential): CredentialFacts {
  const [der] = credential.chain;
  if (der === undefined) throw new TypeError('A credential has a certificate.');
  const leaf = new X509Certificate(der);
  return {
    number: credential.id,
    role: credential.role,
    keyType: credential.keyType,
    key: credential.keyUri,
    issuer: issuerOf(leaf),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    serial: leaf.serialNumber.toLowerCase(),
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    chainLength: credential.chain.length,
    mustStaple: mustStaple(der),
  };
}

function issuerOf(certificate: X509Certificate): string {
  const { subject, issuer, publicKey } = certificate;
  if (subject === issuer && certificate.verify(publicKey)) return 'itself';
  const lines = (issuer ?? '').split('\n');
  const commonName = lines.find((line) => line.startsWith('CN='))?.slice(3);
  return printable(commonName ?? lines.join(', '));
}
