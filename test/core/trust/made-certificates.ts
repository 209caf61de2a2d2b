/** Certificates of every shape, good and bad, byte by byte; only their signatures are always right. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Maker {
  /** DER. */
  readonly certificate: Buffer;
  readonly subject: Buffer;
  readonly privateKey: KeyObject;
}

export interface Shape {
  /** Common name of the subject. */
  readonly commonName?: string;
  /** GeneralNames, DER; undefined: no SubjectAltName. */
  readonly names?: readonly Buffer[];
  /** More extensions. */
  readonly extensions?: readonly Buffer[];
  readonly ca?: boolean;
  /** Extended key usage; 'none': the extension is left out. */
  readonly usage?: 'server' | 'client' | 'both' | 'none';
  /** Days from now. */
  readonly from?: number;
  readonly until?: number;
  /** Instead of a new one on P-256; certificates are signed by keys on P-256 only. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** SubjectPublicKeyInfo instead of that of the new key. */
  readonly publicKey?: Buffer;
}

/** A certificate with a key of its own, signed by `issuer` or by itself. */
export function make(shape: Shape, issuer?: Maker): Maker {
  const { publicKey, privateKey } =
    shape.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = commonName(shape.commonName ?? 'somebody');
  const signature = sequence(oid('2a8648ce3d040302'));
  const tbs = sequence(
    tagged(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    signature,
    issuer?.subject ?? subject,
    sequence(time(shape.from ?? -1), time(shape.until ?? 30)),
    subject,
    shape.publicKey ?? publicKey.export({ format: 'der', type: 'spki' }),
    tagged(0xa3, sequence(...extensions(shape))),
  );
  const value = sign('sha256', tbs, issuer?.privateKey ?? privateKey);
  const certificate = sequence(tbs, signature, der(0x03, Buffer.of(0), value));
  return { certificate, subject, privateKey };
}

/** A root with the usual extensions. */
export function makeRoot(commonName = 'Test Root', shape: Shape = {}): Maker {
  return make({ ca: true, usage: 'none', commonName, ...shape });
}

export const dns = (name: string | Buffer): Buffer => der(0x82, bytes(name));
export const mail = (name: string | Buffer): Buffer => der(0x81, bytes(name));
export const ip = (...address: number[]): Buffer => der(0x87, Buffer.from(address));
export const uri = (name: string): Buffer => der(0x86, bytes(name));

/** otherName of type id-on-SmtpUTF8Mailbox. */
export function smtpUtf8(name: string | Buffer): Buffer {
  return der(0xa0, oid('2b06010505070809'), tagged(0xa0, der(0x0c, bytes(name))));
}

/** otherName of type userPrincipalName: not a name that anyone here believes. */
export function principal(name: string): Buffer {
  return der(0xa0, oid('2b060104018237140203'), tagged(0xa0, der(0x0c, bytes(name))));
}

export function subjectAltName(names: readonly Buffer[]): Buffer {
  return extension('551d11', sequence(...names));
}

export function extension(type: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der(0x01, Buffer.of(0xff))] : [];
  return sequence(oid(type), ...flag, der(0x04, value));
}

export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  if (length < 0x1_0000) {
    return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
  }
  return Buffer.concat([
    Buffer.of(tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff),
    content,
  ]);
}

export function sequence(...elements: readonly Buffer[]): Buffer {
  return der(0x30, ...elements);
}

function extensions({ names, ca, usage = 'both', extensions: more = [] }: Shape): Buffer[] {
  const list: Buffer[] = [];
  if (ca === true) {
    list.push(extension('551d13', sequence(der(0x01, Buffer.of(0xff))), true));
    list.push(extension('551d0f', der(0x03, Buffer.of(1, 0x06)), true));
  } else {
    list.push(extension('551d0f', der(0x03, Buffer.of(7, 0x80)), true));
  }
  const server = oid('2b06010505070301');
  const client = oid('2b06010505070302');
  if (usage === 'server') list.push(extension('551d25', sequence(server)));
  if (usage === 'client') list.push(extension('551d25', sequence(client)));
  if (usage === 'both') list.push(extension('551d25', sequence(server, client)));
  if (names !== undefined) list.push(subjectAltName(names));
  return [...list, ...more];
}

/** A certificate's CRLDistributionPoints. */
export function listAt(...urls: readonly string[]): Buffer {
  const points = urls.map((url) => sequence(der(0xa0, der(0xa0, uri(url)))));
  return extension('551d1f', sequence(...points));
}

/** A certificate's AuthorityInfoAccess: its OCSP responders. */
export function responderAt(...urls: readonly string[]): Buffer {
  const descriptions = urls.map((url) => sequence(oid('2b06010505073001'), uri(url)));
  return extension('2b06010505070101', sequence(...descriptions));
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, bytes(text)))));
}

/** GeneralizedTime, days from now. */
export function time(days: number): Buffer {
  const text = new Date(Date.now() + days * 86_400_000).toISOString();
  return der(0x18, bytes(`${text.slice(0, 19).replace(/[-:T]/g, '')}Z`));
}

/** @param content in hexadecimal */
export function oid(content: string): Buffer {
  return der(0x06, Buffer.from(content, 'hex'));
}

function tagged(tag: number, element: Buffer): Buffer {
  return der(tag, element);
}

function bytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
}
