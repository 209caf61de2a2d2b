/** Writing DER (X.690 section 10): the counterpart of der.ts. */
import { TAG } from './der.ts';

export function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

export function sequence(...contents: readonly Buffer[]): Buffer {
  return element(TAG.sequence, ...contents);
}

export function octets(content: Buffer): Buffer {
  return element(TAG.octetString, content);
}

/** Of whole bytes. */
export function bits(content: Buffer): Buffer {
  return element(TAG.bitString, Buffer.of(0), content);
}

/** `[number] EXPLICIT` */
export function explicit(number: number, ...contents: readonly Buffer[]): Buffer {
  return element(TAG.context(number), ...contents);
}

/** Not negative. */
export function integer(value: bigint | number): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  const isNegative = (bytes[0] ?? 0) >= 0x80;
  return element(TAG.integer, isNegative ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** @param dotted such as 2.5.29.20 */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const numbers = [first * 40 + second, ...others];
  return element(TAG.objectIdentifier, Buffer.from(numbers.flatMap(base128)));
}

export const nothing: Buffer = Buffer.of(0x05, 0x00);

/** GeneralizedTime with seconds, UTC (RFC 5280 section 4.1.2.5.2). */
export function generalizedTime(time: Date): Buffer {
  const digits = time.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return element(0x18, Buffer.from(digits, 'latin1'));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

function base128(number: number): number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest % 128) | 0x80);
  }
  return bytes;
}
