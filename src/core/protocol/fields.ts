import { isUtf8 } from 'node:buffer';
import { endianness } from 'node:os';
import { PosixError } from './errors.ts';

/** A message is 8 bytes of header and a union of 380, in the byte order of the machine. */
export const MESSAGE_LENGTH = 388;
const DATA_OFFSET = 8;
export const DATA_LENGTH = MESSAGE_LENGTH - DATA_OFFSET;

const littleEndian = endianness() === 'LE';

/** The bytes are there but do not say anything that may be said. */
export class MalformedMessage extends PosixError {
  constructor(message: string) {
    super('EBADMSG', message, 'The program that sent it has a fault.');
  }
}

/** One message in memory. Offsets count from the start of the data area unless said otherwise. */
export class Fields {
  readonly bytes: Buffer;
  readonly #view: DataView;

  /** @param bytes MESSAGE_LENGTH of them */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, MESSAGE_LENGTH);
  }

  /** Offsets of the header count from the start of the message. */
  header16(offset: number): number {
    return this.#view.getUint16(offset, littleEndian);
  }

  header32(offset: number): number {
    return this.#view.getUint32(offset, littleEndian);
  }

  setHeader(requestId: number, callbackId: number, code: number): void {
    this.#view.setUint16(0, requestId, littleEndian);
    this.#view.setUint16(2, callbackId, littleEndian);
    this.#view.setUint32(4, code, littleEndian);
  }

  u8(offset: number): number {
    return this.#view.getUint8(DATA_OFFSET + offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(DATA_OFFSET + offset, littleEndian);
  }

  i16(offset: number): number {
    return this.#view.getInt16(DATA_OFFSET + offset, littleEndian);
  }

  u32(offset: number): number {
    return this.#view.getUint32(DATA_OFFSET + offset, littleEndian);
  }

  i32(offset: number): number {
    return this.#view.getInt32(DATA_OFFSET + offset, littleEndian);
  }

  /** A copy: the message's memory is used again. */
  copy(offset: number, length: number): Buffer {
    const start = DATA_OFFSET + offset;
    return Buffer.from(this.bytes.subarray(start, start + length));
  }

  /** The bytes before the NUL that must be there. */
  terminated(offset: number, size: number, name: string): Buffer {
    return this.copy(offset, this.#lengthOf(offset, size, name));
  }

  /** UTF-8, ended by NUL. Most are empty or ASCII. */
  text(offset: number, size: number, name: string): string {
    return this.#text(offset, this.#lengthOf(offset, size, name), name);
  }

  /** UTF-8, ended by NUL unless it fills its field. */
  filledText(offset: number, size: number, name: string): string {
    const end = this.#endOf(offset, size);
    return this.#text(offset, end ?? size, name);
  }

  setU8(offset: number, value: number): void {
    this.#view.setUint8(DATA_OFFSET + offset, value);
  }

  setU16(offset: number, value: number): void {
    this.#view.setUint16(DATA_OFFSET + offset, value, littleEndian);
  }

  setI16(offset: number, value: number): void {
    this.#view.setInt16(DATA_OFFSET + offset, value, littleEndian);
  }

  setU32(offset: number, value: number): void {
    this.#view.setUint32(DATA_OFFSET + offset, value, littleEndian);
  }

  setI32(offset: number, value: number): void {
    this.#view.setInt32(DATA_OFFSET + offset, value, littleEndian);
  }

  /** @throws MalformedMessage if it does not fit; `size` says how much does. */
  setBytes(offset: number, size: number, value: Buffer, name: string): void {
    if (value.length > size) throw tooLong(name, size, value.length);
    value.copy(this.bytes, DATA_OFFSET + offset);
  }

  /** Leaves room for the NUL. */
  setText(offset: number, size: number, value: string, name: string): void {
    this.setFilledText(offset, size - 1, value, name);
  }

  /** May fill its field to the last byte. */
  setFilledText(offset: number, size: number, value: string, name: string): void {
    if (value === '') return;
    const length = Buffer.byteLength(value);
    if (length > size) throw tooLong(name, size, length);
    if (value.includes('\0')) throw new MalformedMessage(`${name} holds a NUL character`);
    this.bytes.write(value, DATA_OFFSET + offset, size);
  }

  /** As much of the text as fits before the NUL, in whole characters. */
  setCutText(offset: number, size: number, value: string): void {
    // Buffer.write never writes a character in part.
    this.bytes.write(value.replaceAll('\0', ' '), DATA_OFFSET + offset, size - 1);
  }

  #lengthOf(offset: number, size: number, name: string): number {
    const length = this.#endOf(offset, size);
    if (length === undefined) throw new MalformedMessage(`${name} is not ended by a NUL`);
    return length;
  }

  #endOf(offset: number, size: number): number | undefined {
    const start = DATA_OFFSET + offset;
    const end = this.bytes.indexOf(0, start);
    return end < 0 || end >= start + size ? undefined : end - start;
  }

  #text(offset: number, length: number, name: string): string {
    if (length === 0) return '';
    const start = DATA_OFFSET + offset;
    const text = this.bytes.toString('utf8', start, start + length);
    // A replacement character may have been sent as such.
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, start + length))) {
      throw new MalformedMessage(`${name} is not UTF-8`);
    }
    return text;
  }
}

function tooLong(name: string, size: number, length: number): MalformedMessage {
  return new MalformedMessage(`${name} takes at most ${size} bytes, got ${length}`);
}
