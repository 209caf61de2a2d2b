import { createHash } from 'node:crypto';
import { children, contentOf, DerError, readElement, TAG } from './der.ts';

/** What tells a certificate from others, in lower-case hexadecimal. */
export interface Fingerprints {
  /** SHA-256. */
  readonly certificate: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly key: string;
  /** Without leading zeros. */
  readonly serial: string;
}

/** @throws DerError */
export function fingerprintsOf(certificate: Buffer): Fingerprints {
  const { serial, publicKey } = certificateParts(certificate);
  return {
    certificate: sha256(certificate),
    key: sha256(publicKey),
    serial: serial.toString('hex').replace(/^0+(?=.)/, ''),
  };
}

/** Parts of a certificate (RFC 5280 section 4.1), DER unless said otherwise. */
export interface CertificateParts {
  /** Content of the INTEGER. */
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: Buffer;
  /** AlgorithmIdentifier of the signature. */
  readonly signature: Buffer;
}

/** @throws DerError */
export function certificateParts(certificate: Buffer): CertificateParts {
  const [tbs, signature] = children(readElement(certificate));
  const fields = children(tbs);
  // The version is left out in certificates of version 1.
  const [serial, , issuer, , subject, publicKey] =
    fields[0]?.tag === TAG.context(0) ? fields.slice(1) : fields;
  if (!(issuer && subject && publicKey && signature)) {
    throw new DerError('a certificate ends early');
  }
  return {
    serial: contentOf(serial, TAG.integer),
    issuer: issuer.encoded,
    subject: subject.encoded,
    publicKey: publicKey.encoded,
    signature: signature.encoded,
  };
}

export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
