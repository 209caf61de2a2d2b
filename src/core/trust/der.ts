/**
 * A reader of DER (X.690 section 10) that accepts nothing else: lengths are definite and minimal, and every byte
 * belongs to an element. What certificates say about names is read with it, byte by byte.
 */
export interface Element {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly encoded: Buffer;
}

/** Identifier octets that certificates are made of. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  /** `[n] EXPLICIT`, or `[n] IMPLICIT` of something constructed. */
  context: (number: number) => 0xa0 + number,
  /** `[n] IMPLICIT` of something primitive. */
  contextPrimitive: (number: number) => 0x80 + number,
} as const;

export class DerError extends Error {
  override readonly name = 'DerError';
}

/** The one element that the bytes are. Throws DerError. */
export function readElement(der: Buffer): Element {
  const elements = readElements(der);
  const [first] = elements;
  if (first === undefined || elements.length > 1) {
    throw new DerError(`expected one element, got ${elements.length}`);
  }
  return first;
}

/** The elements that follow each other in the bytes. Throws DerError. */
export function readElements(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let offset = 0; offset < der.length; ) {
    const element = readAt(der, offset);
    elements.push(element);
    offset += element.encoded.length;
  }
  return elements;
}

/** The elements inside of one that must have this tag. Throws DerError. */
export function children(element: Element | undefined, tag: number = TAG.sequence): Element[] {
  return readElements(contentOf(element, tag));
}

/** The content of an element that must have this tag. Throws DerError. */
export function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag === tag) return element.content;
  const got = element === undefined ? 'nothing' : hex(element.tag);
  throw new DerError(`expected tag ${hex(tag)}, got ${got}`);
}

function readAt(der: Buffer, start: number): Element {
  const tag = byteAt(der, start);
  if ((tag & 0x1f) === 0x1f)
    throw new DerError('tags of several bytes are not used in certificates');
  const first = byteAt(der, start + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = lengthBytes === 0 ? shortLength(first) : longLength(der, start + 2, lengthBytes);
  const from = start + 2 + lengthBytes;
  if (from + length > der.length) throw new DerError('an element is longer than what is there');
  return {
    tag,
    content: der.subarray(from, from + length),
    encoded: der.subarray(start, from + length),
  };
}

function shortLength(first: number): number {
  if (first === 0x80) throw new DerError('indefinite lengths are not DER');
  return first;
}

function longLength(der: Buffer, offset: number, bytes: number): number {
  if (bytes > 4) throw new DerError('an element is longer than what is there');
  let length = 0;
  for (let index = 0; index < bytes; index += 1)
    length = length * 256 + byteAt(der, offset + index);
  const minimal = length >= 0x80 && byteAt(der, offset) !== 0;
  if (!minimal) throw new DerError('a length is not in its shortest form');
  return length;
}

function byteAt(der: Buffer, offset: number): number {
  const byte = der[offset];
  if (byte === undefined) throw new DerError('the bytes end within an element');
  return byte;
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
