/** The attributes (PKCS #11 2.40 section 4) that keys get in a token. */
import type { KeyObject } from 'node:crypto';
import pkcs11js from 'pkcs11js';
import { curves, ecPoint, type KeyType, rsaBits } from './key-types.ts';

export interface KeyName {
  /** CKA_ID: what ties the private and the public key together. */
  readonly id: Buffer;
  /** CKA_LABEL. */
  readonly label: string;
}

/** PKCS #11 3.0; pkcs11js has 2.40's numbers only. */
const CKK_EC_EDWARDS = 0x40;
const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055;
export const CKM_EDDSA = 0x1057;

const PUBLIC_EXPONENT = Buffer.from([0x01, 0x00, 0x01]);

export function generationMechanism(type: KeyType): number {
  if (rsaBits(type) !== undefined) return pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN;
  return type === 'ed25519' ? CKM_EC_EDWARDS_KEY_PAIR_GEN : pkcs11js.CKM_EC_KEY_PAIR_GEN;
}

export function generationTemplates(
  type: KeyType,
  name: KeyName,
): { publicKey: pkcs11js.Template; privateKey: pkcs11js.Template } {
  const bits = rsaBits(type);
  const parameters =
    bits === undefined
      ? [{ type: pkcs11js.CKA_EC_PARAMS, value: parametersOf(type) }]
      : [
          { type: pkcs11js.CKA_MODULUS_BITS, value: bits },
          { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: PUBLIC_EXPONENT },
        ];
  return {
    publicKey: [...publicKey(type, name), ...parameters],
    privateKey: privateKey(type, name),
  };
}

/** For a key that comes from elsewhere; `key` is private. */
export function importTemplates(
  type: KeyType,
  name: KeyName,
  key: KeyObject,
): { publicKey: pkcs11js.Template; privateKey: pkcs11js.Template } {
  const jwk = key.export({ format: 'jwk' });
  const part = (attribute: number, value: string | undefined) => ({
    type: attribute,
    value: Buffer.from(value ?? '', 'base64url'),
  });
  if (rsaBits(type) === undefined) {
    const parameters = { type: pkcs11js.CKA_EC_PARAMS, value: parametersOf(type) };
    return {
      publicKey: [
        ...publicKey(type, name),
        parameters,
        { type: pkcs11js.CKA_EC_POINT, value: ecPoint(key) },
      ],
      privateKey: [...privateKey(type, name), parameters, part(pkcs11js.CKA_VALUE, jwk.d)],
    };
  }
  const common = [part(pkcs11js.CKA_MODULUS, jwk.n), part(pkcs11js.CKA_PUBLIC_EXPONENT, jwk.e)];
  return {
    publicKey: [...publicKey(type, name), ...common],
    privateKey: [
      ...privateKey(type, name),
      ...common,
      part(pkcs11js.CKA_PRIVATE_EXPONENT, jwk.d),
      part(pkcs11js.CKA_PRIME_1, jwk.p),
      part(pkcs11js.CKA_PRIME_2, jwk.q),
      part(pkcs11js.CKA_EXPONENT_1, jwk.dp),
      part(pkcs11js.CKA_EXPONENT_2, jwk.dq),
      part(pkcs11js.CKA_COEFFICIENT, jwk.qi),
    ],
  };
}

function parametersOf(type: KeyType): Buffer {
  const curve = curves.get(type);
  if (curve === undefined) throw new TypeError(`${type} has no curve`);
  return curve.parameters;
}

function keyClass(type: KeyType): number {
  if (rsaBits(type) !== undefined) return pkcs11js.CKK_RSA;
  return type === 'ed25519' ? CKK_EC_EDWARDS : pkcs11js.CKK_EC;
}

/** Signs, and nothing else, and never leaves the token. */
function privateKey(type: KeyType, { id, label }: KeyName): pkcs11js.Attribute[] {
  return [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: keyClass(type) },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_EXTRACTABLE, value: false },
    { type: pkcs11js.CKA_SIGN, value: true },
    { type: pkcs11js.CKA_DECRYPT, value: false },
    { type: pkcs11js.CKA_UNWRAP, value: false },
    { type: pkcs11js.CKA_ID, value: id },
    { type: pkcs11js.CKA_LABEL, value: label },
  ];
}

function publicKey(type: KeyType, { id, label }: KeyName): pkcs11js.Attribute[] {
  return [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PUBLIC_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: keyClass(type) },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_PRIVATE, value: false },
    { type: pkcs11js.CKA_VERIFY, value: true },
    { type: pkcs11js.CKA_ENCRYPT, value: false },
    { type: pkcs11js.CKA_WRAP, value: false },
    { type: pkcs11js.CKA_ID, value: id },
    { type: pkcs11js.CKA_LABEL, value: label },
  ];
}
