import { children, contentOf, DerError, type Element, readElement, TAG } from './der.ts';

/** DER of TRUE; the default, FALSE, is never written. */
const TRUE = Buffer.of(0xff);

/** One extension of a certificate or a revocation list. */
export interface Extension {
  /** Content bytes of its OID in hexadecimal. */
  readonly oid: string;
  readonly critical: boolean;
  /** DER. */
  readonly value: Buffer;
}

/**
 * What the extensions of a certificate hold (DER), by the content bytes of their OID in hexadecimal. Throws
 * DerError, also if one is there twice (RFC 5280 section 4.2).
 */
export function extensionsOf(certificate: Buffer): ReadonlyMap<string, Buffer> {
  return new Map(listExtensions(certificate).map(({ oid, value }) => [oid, value]));
}

/** In the certificate's order. Throws DerError, also if one is there twice. */
export function listExtensions(certificate: Buffer): readonly Extension[] {
  const [tbs] = children(readElement(certificate));
  const holder = children(tbs).find((field) => field.tag === TAG.context(3));
  return holder === undefined ? [] : readExtensions(holder, TAG.context(3));
}

/** Extensions in their explicit tag. Throws DerError. */
export function readExtensions(holder: Element, tag: number): readonly Extension[] {
  const [list, ...surplus] = children(holder, tag);
  if (surplus.length > 0) throw new DerError('there are two lists of extensions');
  const extensions = children(list).map(readExtension);
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) {
    throw new DerError('an extension is there twice');
  }
  return extensions;
}

/** The dotted form of an OID as openssl prints it, from its content bytes. */
export function dottedOid(content: Buffer): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of content) {
    number = number * 128n + BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0n;
  }
  const [first = 0n, ...others] = numbers;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...others].join('.');
}

/** Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } */
function readExtension(item: Element): Extension {
  const [type, ...rest] = children(item);
  const value = rest.pop();
  const [critical, ...surplus] = rest;
  const flag = critical === undefined ? TRUE : contentOf(critical, TAG.boolean);
  if (surplus.length > 0 || !flag.equals(TRUE)) {
    throw new DerError('an extension is not made of type, critical and value');
  }
  return {
    oid: contentOf(type, TAG.objectIdentifier).toString('hex'),
    critical: critical !== undefined,
    value: contentOf(value, TAG.octetString),
  };
}
