import { dottedOid, listExtensions } from './certificate.ts';
import { children, contentOf, DerError, readElement, TAG } from './der.ts';
import { certificateParts } from './fingerprints.ts';

/** INTEGER of version 3 (RFC 5280 section 4.1.2.1). */
const VERSION_3 = '02';
const RSA = '1.2.840.113549.1.1.1';
const EC = '1.2.840.10045.2.1';
/** Bytes. OpenSSL verifies with no larger one, nor with a larger exponent of it (openssl/rsa.h). */
const LARGEST_MODULUS = 2048;
const LARGEST_EXPONENT = 8;
/** First byte of a point in its compressed or uncompressed form (RFC 5480 section 2.2). */
const POINT_FORMS = [2, 3, 4];

/** What a path is found by all the same, and must not count on. @throws DerError */
export function requireWellFormed(certificate: Buffer): void {
  const extensions = listExtensions(certificate);
  const [tbs] = children(readElement(certificate));
  const [version] = children(tbs).filter(({ tag }) => tag === TAG.context(0));
  const [number] = version === undefined ? [] : children(version, TAG.context(0));
  const isThird =
    number !== undefined && contentOf(number, TAG.integer).toString('hex') === VERSION_3;
  if (extensions.length > 0 && !isThird) {
    throw new DerError('it has extensions, but is not of version 3');
  }
  requireSoundKey(certificateParts(certificate).publicKey);
}

/** With which a signature proves something, and in finite time. */
function requireSoundKey(publicKey: Buffer): void {
  const [algorithm, bits] = children(readElement(publicKey));
  const [type] = children(algorithm);
  const key = contentOf(bits, TAG.bitString).subarray(1);
  const kind = dottedOid(contentOf(type, TAG.objectIdentifier));
  if (kind === EC && !POINT_FORMS.includes(key[0] ?? 0)) {
    throw new DerError('its key is no point of a curve');
  }
  if (kind !== RSA) return;
  const [modulus, exponent] = children(readElement(key)).map((part) =>
    contentOf(part, TAG.integer),
  );
  const isLarge =
    (modulus?.length ?? 0) > LARGEST_MODULUS + 1 || (exponent?.length ?? 0) > LARGEST_EXPONENT;
  if (isLarge) throw new DerError(`its RSA key has more than ${LARGEST_MODULUS * 8} bits`);
}
