import { X509Certificate } from 'node:crypto';
import { TlspoolError } from '../errors.ts';
import { parsePem, pemCertificates } from './pem.ts';

/**
 * The certificates of a file, DER, in its order: PEM, or one in DER. Throws TlspoolError `bad-pem`,
 * `no-certificate`, and `key-in-clear` for private keys, which have no business in such a file.
 */
export function readCertificates(file: Buffer): Buffer[] {
  if (!file.includes('-----BEGIN ')) return [readDer(file)];
  const text = file.toString('latin1');
  if (parsePem(text).some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    throw new TlspoolError('key-in-clear', 'the file holds a private key beside certificates', {
      hint: 'To bring a key into the token, pack it with `openssl pkcs12 -export` and import that; then destroy the file.',
    });
  }
  const certificates = pemCertificates(text);
  if (certificates.length > 0) return certificates;
  throw new TlspoolError('no-certificate', 'the file has PEM in it, but no certificate');
}

function readDer(file: Buffer): Buffer {
  try {
    return new X509Certificate(file).raw;
  } catch (cause) {
    throw new TlspoolError('no-certificate', 'the file is not a certificate, in PEM or DER', {
      cause,
    });
  }
}
