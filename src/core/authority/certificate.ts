/** Making one certificate, signed by a key in a token. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import { parsePublicKey } from '../token/key-types.ts';
import { signatureAlgorithm } from '../token/signer.ts';
import { type SigningKey, tokenCrypto, tokenKeyPair } from './token-crypto.ts';
import type { Validity } from './validity.ts';
import { type Extension, type Name, X509CertificateGenerator } from './x509.ts';

export interface CertificateContents {
  readonly serial: string;
  readonly subject: Name;
  readonly issuer: Name;
  readonly validity: Validity;
  /** SubjectPublicKeyInfo of the subject. */
  readonly publicKey: Buffer;
  readonly extensions: readonly Extension[];
}

/**
 * @returns DER
 * @throws TlspoolError `key-mismatch` if the token signed with another key than the issuer's
 */
export async function makeCertificate(
  contents: CertificateContents,
  issuer: SigningKey,
): Promise<Buffer> {
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: contents.serial,
      subject: contents.subject,
      issuer: contents.issuer,
      notBefore: contents.validity.notBefore,
      notAfter: contents.validity.notAfter,
      publicKey: Uint8Array.from(contents.publicKey),
      extensions: [...contents.extensions],
      signingAlgorithm: signatureAlgorithm(issuer.type),
      signingKey: tokenKeyPair(issuer).privateKey,
    },
    tokenCrypto(issuer),
  );
  const der = Buffer.from(certificate.rawData);
  requireSignedBy(der, issuer);
  return der;
}

/**
 * Lower-case hexadecimal without leading zeros: 16 random bytes, positive and of constant length, 126
 * random bits (RFC 5280 section 4.1.2.2 allows 20 bytes; guessing must be hopeless).
 */
export function randomSerial(): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial.toString('hex');
}

function requireSignedBy(der: Buffer, issuer: SigningKey): void {
  if (new X509Certificate(der).verify(parsePublicKey(issuer.publicKey))) return;
  throw new TlspoolError(
    'key-mismatch',
    "the issuer's key in the token is not that of its certificate",
    {
      hint: 'Was the token replaced? The state folder and the token belong together.',
    },
  );
}
