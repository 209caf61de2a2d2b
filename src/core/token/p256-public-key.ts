import { TokenError } from './failure.ts';

/** RFC 5480 section 2: SubjectPublicKeyInfo up to the point. */
const P256_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
const P256_POINT = 65;

/** SubjectPublicKeyInfo, DER. @param point CKA_EC_POINT: an OCTET STRING with the point, in some tokens the point itself */
export function p256PublicKey(point: Buffer): Buffer {
  const raw = point.subarray(Math.max(0, point.length - P256_POINT));
  if (raw.length === P256_POINT && raw[0] === 0x04) return Buffer.concat([P256_PREFIX, raw]);
  throw new TokenError('key-type-unsupported', 'the token made a key that is no point of P-256');
}
