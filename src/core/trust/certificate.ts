import { children, contentOf, DerError, type Element, readElement, TAG } from './der.ts';

/** DER of TRUE; the default, FALSE, is never written. */
const TRUE = Buffer.of(0xff);

/**
 * What the extensions of a certificate hold (DER), by the content bytes of their OID in hexadecimal. Throws
 * DerError, also if one is there twice (RFC 5280 section 4.2).
 */
export function extensionsOf(certificate: Buffer): ReadonlyMap<string, Buffer> {
  const [tbs] = children(readElement(certificate));
  const holder = children(tbs).find((field) => field.tag === TAG.context(3));
  const extensions = new Map<string, Buffer>();
  if (holder === undefined) return extensions;
  const [list, ...surplus] = children(holder, TAG.context(3));
  if (surplus.length > 0) throw new DerError('there are two lists of extensions');
  for (const item of children(list)) {
    const [oid, value] = readExtension(item);
    if (extensions.has(oid)) throw new DerError('an extension is there twice');
    extensions.set(oid, value);
  }
  return extensions;
}

/** Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } */
function readExtension(item: Element): [string, Buffer] {
  const [type, ...rest] = children(item);
  const value = rest.pop();
  const [critical, ...surplus] = rest;
  const flag = critical === undefined ? TRUE : contentOf(critical, TAG.boolean);
  if (surplus.length > 0 || !flag.equals(TRUE)) {
    throw new DerError('an extension is not made of type, critical and value');
  }
  return [contentOf(type, TAG.objectIdentifier).toString('hex'), contentOf(value, TAG.octetString)];
}
