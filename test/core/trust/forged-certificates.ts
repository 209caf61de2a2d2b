/** Certificates as no CA makes them: any part can be anything. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { der, extension, type Maker, oid, sequence, time } from './made-certificates.ts';

/** DER of the fields of a certificate (RFC 5280 section 4.1), where they are not to be the usual ones. */
export interface Parts {
  readonly version?: Buffer | undefined;
  readonly serial?: Buffer;
  /** Inside of what is signed. */
  readonly algorithm?: Buffer;
  readonly issuer?: Buffer;
  readonly validity?: Buffer;
  readonly subject?: Buffer;
  readonly publicKey?: Buffer;
  /** Whole extensions, in order. */
  readonly extensions?: readonly Buffer[];
  /** Instead of `[3] Extensions`. */
  readonly tail?: Buffer;
  /** Outside of what is signed. */
  readonly outerAlgorithm?: Buffer;
  /** What the signature becomes. */
  readonly signature?: (signature: Buffer) => Buffer;
  readonly digest?: string;
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

export const ecdsaSha256 = sequence(oid('2a8648ce3d040302'));
const version3 = der(0xa0, der(0x02, Buffer.of(2)));

export const commonName = (text: string | Buffer): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(text)))));

export const extended = (...usages: string[]): Buffer =>
  extension('551d25', sequence(...usages.map(oid)));
export const SERVER_AUTH = '2b06010505070301';

export function forge(parts: Parts, issuer?: Maker): Maker {
  const { publicKey, privateKey } =
    parts.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = parts.subject ?? commonName('somebody');
  const tbs = sequence(
    'version' in parts ? (parts.version ?? Buffer.alloc(0)) : version3,
    parts.serial ?? der(0x02, Buffer.of(1)),
    parts.algorithm ?? ecdsaSha256,
    parts.issuer ?? issuer?.subject ?? subject,
    parts.validity ?? sequence(time(-1), time(30)),
    subject,
    parts.publicKey ?? publicKey.export({ format: 'der', type: 'spki' }),
    parts.tail ?? der(0xa3, sequence(...(parts.extensions ?? []))),
  );
  const made = sign(parts.digest ?? 'sha256', tbs, issuer?.privateKey ?? privateKey);
  const outer = parts.outerAlgorithm ?? parts.algorithm ?? ecdsaSha256;
  const value = parts.signature?.(made) ?? der(0x03, Buffer.of(0), made);
  return { certificate: sequence(tbs, outer, value), subject, privateKey };
}
