import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import type { StoredRole } from '../store/schema.ts';
import { type KeyType, keyTypeOf } from '../token/key-types.ts';
import { extensionsOf } from '../trust/certificate.ts';
import { contentOf, DerError, readElement, TAG } from '../trust/der.ts';
import {
  describeNames,
  provesDonai,
  type SubjectNames,
  subjectNames,
} from '../trust/subject-names.ts';
import { printable } from './domain-name.ts';
import { formatSelector, isDonai, type Selector } from './selector.ts';

/** What the pool needs to know of a certificate to show it. */
export interface UsableCertificate {
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly notAfter: Date;
}

/** Extended key usages (RFC 5280 section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** 2.5.29.15 */
const KEY_USAGE = '551d0f';
/** The first bit of the BIT STRING. */
const DIGITAL_SIGNATURE = 0x80;

/**
 * That a chain (DER, leaf first) can prove a local identity in a role: readable, in order, valid now, meant for
 * that role, and with that name in its SubjectAltName. Without a role, those that the certificate allows.
 * Throws TlspoolError `unusable-certificate`, `key-type-unsupported`.
 */
export function requireUsable(
  chain: readonly Buffer[],
  name: Selector,
  role?: StoredRole,
  now = new Date(),
): UsableCertificate {
  const certificates = chain.map(parse);
  const [leaf] = certificates;
  if (leaf === undefined) throw unusable('there is no certificate');
  requireOrder(certificates);
  for (const certificate of certificates) requireValidity(certificate, now);
  requireSignatures(leaf);
  requireName(leaf.raw, name);
  const publicKey = leaf.publicKey.export({ format: 'der', type: 'spki' });
  return {
    role: requireRole(leaf, role),
    keyType: keyTypeOf(publicKey),
    publicKey,
    notAfter: leaf.validToDate,
  };
}

function parse(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw unusable('it is not an X.509 certificate', undefined, cause);
  }
}

/** Each certificate was signed by the next one; what a peer would be sent must make sense to it. */
function requireOrder(certificates: readonly X509Certificate[]): void {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer === undefined) return;
    if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) continue;
    throw unusable(
      `certificate ${index + 2} of the chain, ${title(issuer)}, did not sign the one before it`,
      'Give the leaf first, then each one its issuer.',
    );
  }
}

function requireValidity(certificate: X509Certificate, now: Date): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate < now) {
    throw unusable(`${title(certificate)} expired on ${day(validToDate)}`);
  }
  if (validFromDate > now) {
    throw unusable(
      `${title(certificate)} is not valid before ${validFromDate.toISOString()}`,
      'Is the clock of this machine right?',
    );
  }
}

/** TLS 1.3, and ECDHE in TLS 1.2, want nothing of the key but signatures (RFC 8446 section 4.4.2.2). */
function requireSignatures(leaf: X509Certificate): void {
  const usage = read(() => {
    const extension = extensionsOf(leaf.raw).get(KEY_USAGE);
    return extension && contentOf(readElement(extension), TAG.bitString);
  });
  if (usage === undefined || ((usage[1] ?? 0) & DIGITAL_SIGNATURE) !== 0) return;
  throw unusable(
    'its key usage does not allow signatures',
    'TLS needs digitalSignature: have it issued with that.',
  );
}

function requireRole(leaf: X509Certificate, wanted: StoredRole | undefined): StoredRole {
  // Node calls the extended key usages keyUsage; undefined: any.
  const usages: readonly string[] | undefined = leaf.keyUsage;
  const server = usages?.includes(SERVER_AUTH) ?? true;
  const client = usages?.includes(CLIENT_AUTH) ?? true;
  if (!server && !client) {
    throw unusable('its extended key usage is for neither TLS servers nor TLS clients');
  }
  const allowed: StoredRole = server && client ? 'both' : server ? 'server' : 'client';
  if (wanted === undefined || allowed === 'both' || allowed === wanted) return wanted ?? allowed;
  throw unusable(
    `its extended key usage is for TLS ${allowed}s, not for ${wanted === 'both' ? 'both roles' : `${wanted}s`}`,
    `Import it with --role ${allowed}, or have it issued for the other role.`,
  );
}

function requireName(leaf: Buffer, name: Selector): void {
  const names = read(() => subjectNames(leaf));
  if (covers(names, name)) return;
  throw unusable(`it is for ${describeNames(names)}, not for ${formatSelector(name)}`);
}

function covers(names: SubjectNames, name: Selector): boolean {
  return isDonai(name) ? provesDonai(names, name) : names.wildcards.includes(name.domain);
}

function read<T>(part: () => T): T {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw unusable(`it is malformed: ${error.message}`, undefined, error);
  }
}

function unusable(reason: string, hint?: string, cause?: unknown): TlspoolError {
  return new TlspoolError('unusable-certificate', `the certificate cannot be used: ${reason}`, {
    hint,
    cause,
  });
}

function title(certificate: X509Certificate): string {
  return printable(certificate.subject?.split('\n').at(-1) ?? `number ${certificate.serialNumber}`);
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}
