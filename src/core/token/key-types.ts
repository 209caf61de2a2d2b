/** The kinds of keys that identities may have, and how public ones look in DER and in a token. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { TlspoolError } from '../errors.ts';

export const keyTypes = [
  'ec-p256',
  'ec-p384',
  'ed25519',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
] as const;

export type KeyType = (typeof keyTypes)[number];

/**
 * The kind of a SubjectPublicKeyInfo in DER.
 * @throws TlspoolError `key-type-unsupported`, `bad-public-key`
 */
export function keyTypeOf(publicKey: Buffer): KeyType {
  return keyTypeOfObject(parsePublicKey(publicKey));
}

export function keyTypeOfObject(key: KeyObject): KeyType {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const found = keyTypes.find((type) => {
    switch (key.asymmetricKeyType) {
      case 'ec':
        return curves.get(type)?.opensslName === namedCurve;
      case 'ed25519':
        return type === 'ed25519';
      case 'rsa':
        return type === `rsa-${modulusLength}`;
      default:
        return false;
    }
  });
  if (found === undefined) {
    const size = namedCurve ?? (modulusLength === undefined ? '' : `${modulusLength} bits`);
    const kind = [key.asymmetricKeyType, size].filter(Boolean).join(', ');
    throw new TlspoolError('key-type-unsupported', `keys of this kind are not supported: ${kind}`, {
      hint: `Supported are ${keyTypes.join(', ')}.`,
    });
  }
  return found;
}

export function parsePublicKey(publicKey: Buffer): KeyObject {
  try {
    return createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new TlspoolError('bad-public-key', 'the public key is not a SubjectPublicKeyInfo', {
      cause,
    });
  }
}

interface Curve {
  /** CKA_EC_PARAMS: the curve's object identifier in DER. */
  readonly parameters: Buffer;
  readonly opensslName: string;
  readonly jwk: { readonly kty: 'EC' | 'OKP'; readonly crv: string };
  /** Bytes of a coordinate, of a scalar, and of r and s in a signature. */
  readonly size: number;
}

/** RFC 5480 section 2.1.1.1, RFC 8410 section 3. */
export const curves: ReadonlyMap<KeyType, Curve> = new Map<KeyType, Curve>([
  [
    'ec-p256',
    {
      parameters: Buffer.from('06082a8648ce3d030107', 'hex'),
      opensslName: 'prime256v1',
      jwk: { kty: 'EC', crv: 'P-256' },
      size: 32,
    },
  ],
  [
    'ec-p384',
    {
      parameters: Buffer.from('06052b81040022', 'hex'),
      opensslName: 'secp384r1',
      jwk: { kty: 'EC', crv: 'P-384' },
      size: 48,
    },
  ],
  [
    'ed25519',
    {
      parameters: Buffer.from('06032b6570', 'hex'),
      opensslName: 'ed25519',
      jwk: { kty: 'OKP', crv: 'Ed25519' },
      size: 32,
    },
  ],
]);

/** Bits of the modulus; undefined for other kinds. */
export function rsaBits(type: KeyType): number | undefined {
  return type.startsWith('rsa-') ? Number(type.slice('rsa-'.length)) : undefined;
}

export function rsaPublicKey(modulus: Buffer, exponent: Buffer): Buffer {
  return exportSpki({ kty: 'RSA', n: base64url(modulus), e: base64url(exponent) });
}

/** From CKA_EC_POINT, which modules give as an OCTET STRING in DER (the standard) or bare. */
export function ecPublicKey(type: KeyType, point: Buffer): Buffer {
  const curve = curves.get(type);
  if (curve === undefined) throw new TypeError(`${type} has no curve`);
  const { size, jwk } = curve;
  if (jwk.kty === 'OKP') {
    return exportSpki({ ...jwk, x: base64url(unwrap(point, size)) });
  }
  const bare = unwrap(point, 1 + 2 * size);
  if (bare[0] !== 0x04) {
    throw new TlspoolError('bad-public-key', 'the token gives the public key in compressed form');
  }
  const x = base64url(bare.subarray(1, 1 + size));
  return exportSpki({ ...jwk, x, y: base64url(bare.subarray(1 + size)) });
}

/** CKA_EC_POINT for a public key: an OCTET STRING in DER. Points here are shorter than 128 bytes. */
export function ecPoint(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const coordinates = Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const point = y === '' ? coordinates : Buffer.concat([Buffer.of(0x04), coordinates]);
  return Buffer.concat([Buffer.of(0x04, point.length), point]);
}

function unwrap(point: Buffer, length: number): Buffer {
  if (point.length === length) return point;
  if (point.length === length + 2 && point[0] === 0x04 && point[1] === length) {
    return point.subarray(2);
  }
  throw new TlspoolError('bad-public-key', 'the token gives a public key of the wrong length');
}

function exportSpki(jwk: { kty: string } & Record<string, string>): Buffer {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
