/**
 * For an ECDSA signature (r, s) by a key on a curve of order n, (r, n − s) is one as well: whoever has a certificate
 * can make another out of it, which its CA never saw, and which has another fingerprint.
 */
import { dottedOid } from './certificate.ts';
import { children, contentOf, readElement, TAG } from './der.ts';
import { bits, integer, sequence } from './der-writer.ts';

/** ecdsa-with-…, whatever the hash (RFC 5758 section 3.2) */
const ECDSA = '1.2.840.10045.4.';

/** Orders of the curves on which CAs have keys (SEC 2, RFC 5639 section 3). */
const ORDERS: readonly bigint[] = [
  // P-224, P-256, P-384, P-521
  0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  // secp256k1
  0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  // brainpoolP256r1, brainpoolP384r1, brainpoolP512r1
  0xa9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7n,
  0x8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565n,
  0xaadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069n,
];

/**
 * What the certificate (DER) may have been made of, or become: one for each curve that the key of its CA may be on;
 * none where it is not signed with ECDSA. @throws DerError
 */
export function signatureTwins(certificate: Buffer): Buffer[] {
  const [tbs, algorithm, signature] = children(readElement(certificate));
  const [type] = children(algorithm);
  if (!dottedOid(contentOf(type, TAG.objectIdentifier)).startsWith(ECDSA)) return [];
  const value = readElement(contentOf(signature, TAG.bitString).subarray(1));
  const [r, s] = children(value).map((part) => numberOf(contentOf(part, TAG.integer)));
  if (!(tbs && algorithm) || r === undefined || s === undefined) return [];
  return ORDERS.filter((order) => s < order && r < order).map((order) =>
    sequence(tbs.encoded, algorithm.encoded, bits(sequence(integer(r), integer(order - s)))),
  );
}

function numberOf(content: Buffer): bigint {
  return BigInt(`0x${content.toString('hex') || '0'}`);
}
