/** The X.509 extensions of our certificates (RFC 5280 section 4.2). */
import { createHash } from 'node:crypto';
import type { StoredRole } from '../store/schema.ts';
import { children, contentOf, readElement } from '../trust/der.ts';
import { subjectAltName } from './subject.ts';
import * as x509 from './x509.ts';

/** A root that signs leaves and CRLs, and no further CA. */
export function rootExtensions(publicKey: Buffer): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
  ];
}

/** @param issuerKey SubjectPublicKeyInfo of who signs; the key itself if self-signed */
export function leafExtensions(
  id: string,
  role: StoredRole,
  publicKey: Buffer,
  issuerKey: Buffer,
  location?: RevocationLocation,
): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    ...requestExtensions(id, role),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
    new x509.AuthorityKeyIdentifierExtension(keyIdentifier(issuerKey)),
    ...(location === undefined ? [] : locationExtensions(location)),
  ];
}

/** Where others learn whether a certificate was revoked. */
export interface RevocationLocation {
  /** http://… of the responder, without a slash at the end. */
  readonly url: string;
  readonly kind: 'ec' | 'rsa';
}

function locationExtensions({ url, kind }: RevocationLocation): x509.Extension[] {
  return [
    new x509.AuthorityInfoAccessExtension({ ocsp: [`${url}/`] }),
    new x509.CRLDistributionPointsExtension([`${url}/${kind}.crl`]),
  ];
}

/** What a certificate request asks for. */
export function requestExtensions(id: string, role: StoredRole): x509.Extension[] {
  return [
    // Key exchange is ephemeral in all that we negotiate: the key only signs.
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(extendedKeyUsages[role]),
    subjectAltName(id),
  ];
}

const extendedKeyUsages: Readonly<Record<StoredRole, x509.ExtendedKeyUsage[]>> = {
  server: [x509.ExtendedKeyUsage.serverAuth],
  client: [x509.ExtendedKeyUsage.clientAuth],
  both: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
};

const BIT_STRING = 0x03;

/** Hexadecimal: 160 bits of SHA-256 over the key's bits (RFC 7093 section 2, method 1). */
function keyIdentifier(publicKey: Buffer): string {
  const [, bits] = children(readElement(publicKey));
  // The first byte of a BIT STRING counts the bits that its last one leaves unused.
  const key = contentOf(bits, BIT_STRING).subarray(1);
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}
