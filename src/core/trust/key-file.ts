import { createPublicKey, X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import { sha256 } from './fingerprints.ts';

/** SHA-256 of the SubjectPublicKeyInfo in a file: a certificate or a public key, PEM or DER. @throws TlspoolError `no-key` */
export function keyFingerprint(file: Buffer): string {
  return sha256(publicKeyOf(file));
}

function publicKeyOf(file: Buffer): Buffer {
  const attempts = [
    () => new X509Certificate(file).publicKey,
    () => createPublicKey(file),
    () => createPublicKey({ key: file, format: 'der', type: 'spki' }),
  ];
  for (const attempt of attempts) {
    try {
      return attempt().export({ format: 'der', type: 'spki' });
    } catch {
      // It may be something of the others.
    }
  }
  throw new TlspoolError('no-key', 'the file is no certificate and no public key, in PEM or DER');
}
