import { isIPv4, isIPv6 } from 'node:net';
import { printable } from '../identity/domain-name.ts';
import { RuleError } from './rule-error.ts';

/** Four words of 32 bits; IPv4 addresses are the mapped ones of IPv6 (RFC 4291 section 2.5.5.2). */
type Words = readonly [number, number, number, number];

/** A block of addresses: `192.0.2.0/24`, `2001:db8::/32`. */
export interface AddressPrefix {
  /** The text that parses to it; equal blocks have equal texts. */
  readonly text: string;
  readonly words: Words;
  /** Bits of all 128 that count. */
  readonly length: number;
}

/** @throws RuleError */
export function parsePrefix(text: string): AddressPrefix {
  const [address = '', bits, ...rest] = text.split('/');
  const words = parseAddress(address);
  const width = isIPv4(address) ? 32 : 128;
  if (words === undefined || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) {
    throw new RuleError(
      `“${printable(text)}” is no block of addresses such as 192.0.2.0/24 or 2001:db8::/32`,
    );
  }
  const given = bits === undefined ? width : Number(bits);
  if (given > width) {
    throw new RuleError(`“${printable(text)}” has more than the ${width} bits of such an address`);
  }
  const length = given + 128 - width;
  const masked = mask(words, length);
  if (key(masked, 128) !== key(words, 128)) {
    throw new RuleError(
      `“${printable(text)}” names one address and means a block`,
      `Say ${format(masked, width, given)}.`,
    );
  }
  return { text: format(masked, width, given), words: masked, length };
}

/** The address of `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; undefined: none. */
export function parseClientAddress(text: string): Words | undefined {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return parseAddress(bare);
}

export function contains(prefix: AddressPrefix, address: Words): boolean {
  return key(address, prefix.length) === key(prefix.words, prefix.length);
}

/** What is stored under blocks of addresses, found by an address in time that does not grow with their number. */
export class PrefixTable<Value> {
  /** By length, then by the bits that count. */
  readonly #byLength = new Map<number, Map<string, Value>>();

  /** The value of exactly that block, made if it is not there. */
  at(prefix: AddressPrefix, make: () => Value): Value {
    const blocks = this.#byLength.get(prefix.length) ?? new Map<string, Value>();
    this.#byLength.set(prefix.length, blocks);
    const bits = key(prefix.words, prefix.length);
    const value = blocks.get(bits) ?? make();
    blocks.set(bits, value);
    return value;
  }

  /** The values of all blocks that hold the address. */
  *holding(address: Words): Iterable<Value> {
    for (const [length, blocks] of this.#byLength) {
      const value = blocks.get(key(address, length));
      if (value !== undefined) yield value;
    }
  }

  *all(): Iterable<Value> {
    for (const blocks of this.#byLength.values()) yield* blocks.values();
  }
}

function key(words: Words, length: number): string {
  const [a, b, c, d] = mask(words, length);
  return `${a},${b},${c},${d}`;
}

function mask(words: Words, length: number): Words {
  const word = (index: number) => maskWord(words[index] ?? 0, length - 32 * index);
  return [word(0), word(1), word(2), word(3)];
}

function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

const MAPPED = 0xffff;

function parseAddress(text: string): Words | undefined {
  if (isIPv4(text)) return [0, 0, MAPPED, dotted(text)];
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // The last two groups may be written as an IPv4 address.
  const plain = text.replace(/(\d+\.\d+\.\d+\.\d+)$/, (last) => {
    const word = dotted(last);
    return `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const first = groups(head);
  const last = groups(tail ?? '');
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: gap }, () => 0), ...last];
  const word = (index: number) => (((all[index] ?? 0) << 16) | (all[index + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function dotted(text: string): number {
  return text.split('.').reduce((word, byte) => word * 256 + Number(byte), 0);
}

function format(words: Words, width: number, length: number): string {
  const bits = length === width ? '' : `/${length}`;
  if (width === 32) {
    const word = words[3];
    return `${[24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.')}${bits}`;
  }
  const hex = words.flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  return `${new URL(`http://[${hex.join(':')}]/`).hostname.slice(1, -1)}${bits}`;
}
