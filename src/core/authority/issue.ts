/** Certificates for identities: from the local CA, self-signed, and requests to other CAs. */
import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type KeyType, keyTypeOfObject } from '../token/key-types.ts';
import { signatureAlgorithm, signer } from '../token/signer.ts';
import type { TokenSession } from '../token/token-session.ts';
import { type Authority, authorityKindFor, listAuthorities } from './authorities.ts';
import { makeCertificate, randomSerial } from './certificate.ts';
import { leafExtensions, requestExtensions } from './extensions.ts';
import { subjectName } from './subject.ts';
import { tokenCrypto, tokenKeyPair } from './token-crypto.ts';
import { DEFAULT_LEAF_DAYS, leafValidity } from './validity.ts';
import { Name, Pkcs10CertificateRequestGenerator, X509Certificate as X509 } from './x509.ts';

/** Who a certificate is for. */
export interface Subject {
  /** Canonical DoNAI, or `.example.com` for the wildcard `*.example.com`. */
  readonly id: string;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** DEFAULT_LEAF_DAYS unless said. */
  readonly days?: number | undefined;
  /** Where others learn of its revocation (see ca_url of the configuration); undefined: it does not say. */
  readonly url?: string | undefined;
}

/** A Subject whose private key is in the token of the session. */
export interface KeyedSubject extends Subject {
  readonly keyUri: string;
}

export interface IssuedCertificate {
  /** DER, leaf first; roots are not sent. */
  readonly chain: readonly Buffer[];
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly notAfter: Date;
}

/**
 * A certificate from the local CA, by the root of the key's kind; it is written down in the store. The
 * session is with the token that has the roots' keys.
 * @throws TlspoolError `no-authority`, `authority-expired`, `bad-validity`; TokenError
 */
export async function issueLeaf(
  store: Store,
  session: TokenSession,
  subject: Subject,
): Promise<IssuedCertificate> {
  const authority = await authorityFor(store, subject.keyType);
  const root = new X509Certificate(authority.certificate);
  const rootKey = root.publicKey.export({ format: 'der', type: 'spki' });
  const serial = randomSerial();
  const validity = leafValidity(new Date(), subject.days ?? DEFAULT_LEAF_DAYS, root.validToDate);
  const certificate = await makeCertificate(
    {
      serial,
      subject: subjectName(subject.id),
      issuer: nameOf(authority.certificate),
      validity,
      publicKey: subject.publicKey,
      extensions: leafExtensions(
        subject.id,
        subject.role,
        subject.publicKey,
        rootKey,
        subject.url === undefined ? undefined : { url: subject.url, kind: authority.kind },
      ),
    },
    {
      sign: signer(session, authority.keyUri),
      type: keyTypeOfObject(root.publicKey),
      publicKey: rootKey,
    },
  );
  await store.db
    .insertInto('issued')
    .values({
      serial,
      authority_id: authority.id,
      donai: subject.id,
      role: subject.role,
      not_before: validity.notBefore.toISOString(),
      not_after: validity.notAfter.toISOString(),
      certificate,
      revoked_at: null,
    })
    .execute();
  return { chain: [certificate], serial, notAfter: validity.notAfter };
}

/** A certificate that vouches for itself: peers have to be told of it, by a pin or DANE. */
export async function selfSign(
  session: TokenSession,
  subject: KeyedSubject,
): Promise<IssuedCertificate> {
  const { id, role, publicKey } = subject;
  const serial = randomSerial();
  const validity = leafValidity(new Date(), subject.days ?? DEFAULT_LEAF_DAYS);
  // Without a subject there is no issuer either, which RFC 5280 section 4.1.2.4 forbids.
  const name = subjectName(id);
  const issuer =
    name.toString() === '' ? new Name([{ CN: [{ utf8String: `tlspool ${serial}` }] }]) : name;
  const certificate = await makeCertificate(
    {
      serial,
      subject: issuer,
      issuer,
      validity,
      publicKey,
      extensions: leafExtensions(id, role, publicKey, publicKey),
    },
    { sign: signer(session, subject.keyUri), type: subject.keyType, publicKey },
  );
  return { chain: [certificate], serial, notAfter: validity.notAfter };
}

/** A certificate signing request (PKCS #10, RFC 2986) for another CA, as PEM. */
export async function makeCsr(
  session: TokenSession,
  subject: Omit<KeyedSubject, 'days'>,
): Promise<string> {
  const key = {
    sign: signer(session, subject.keyUri),
    type: subject.keyType,
    publicKey: subject.publicKey,
  };
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      name: subjectName(subject.id),
      keys: tokenKeyPair(key),
      signingAlgorithm: signatureAlgorithm(key.type),
      extensions: requestExtensions(subject.id, subject.role),
    },
    tokenCrypto(key),
  );
  return `${request.toString('pem')}\n`;
}

async function authorityFor(store: Store, type: KeyType): Promise<Authority> {
  const kind = authorityKindFor(type);
  const authority = (await listAuthorities(store)).find((each) => each.kind === kind);
  if (authority === undefined) {
    throw new TlspoolError('no-authority', `the local CA has no ${kind.toUpperCase()} root`);
  }
  return authority;
}

/** Byte for byte, as path validation compares it. */
function nameOf(certificate: Buffer): Name {
  return new X509(Uint8Array.from(certificate)).subjectName;
}
