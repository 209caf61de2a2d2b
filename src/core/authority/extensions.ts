/** The X.509 extensions of our certificates (RFC 5280 section 4.2). */
import { createHash } from 'node:crypto';
import type { StoredRole } from '../store/schema.ts';
import { children, contentOf, readElement } from '../trust/der.ts';
import { subjectAltName } from './subject.ts';
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
} from './x509.ts';

/** A root that signs leaves and CRLs, and no further CA. */
export function rootExtensions(publicKey: Buffer): Extension[] {
  return [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    new SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
  ];
}

/** @param issuerKey SubjectPublicKeyInfo of who signs; the key itself if self-signed */
export function leafExtensions(
  id: string,
  role: StoredRole,
  publicKey: Buffer,
  issuerKey: Buffer,
  location?: RevocationLocation,
): Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    ...requestExtensions(id, role),
    new SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
    new AuthorityKeyIdentifierExtension(keyIdentifier(issuerKey)),
    ...(location === undefined ? [] : locationExtensions(location)),
  ];
}

/** Where others learn whether a certificate was revoked. */
export interface RevocationLocation {
  /** http://… of the responder, without a slash at the end. */
  readonly url: string;
  readonly kind: 'ec' | 'rsa';
}

function locationExtensions({ url, kind }: RevocationLocation): Extension[] {
  return [
    new AuthorityInfoAccessExtension({ ocsp: [`${url}/`] }),
    new CRLDistributionPointsExtension([`${url}/${kind}.crl`]),
  ];
}

/** What a certificate request asks for. */
export function requestExtensions(id: string, role: StoredRole): Extension[] {
  return [
    // Key exchange is ephemeral in all that we negotiate: the key only signs.
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(extendedKeyUsages[role]),
    subjectAltName(id),
  ];
}

const extendedKeyUsages: Readonly<Record<StoredRole, ExtendedKeyUsage[]>> = {
  server: [ExtendedKeyUsage.serverAuth],
  client: [ExtendedKeyUsage.clientAuth],
  both: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
};

const BIT_STRING = 0x03;

/** Hexadecimal: 160 bits of SHA-256 over the key's bits (RFC 7093 section 2, method 1). */
function keyIdentifier(publicKey: Buffer): string {
  const [, bits] = children(readElement(publicKey));
  // The first byte of a BIT STRING counts the bits that its last one leaves unused.
  const key = contentOf(bits, BIT_STRING).subarray(1);
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}
