import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const HANDSHAKE = 22;
const CERTIFICATE = 11;
const RECORD_HEADER = 5;
/** RFC 5246 section 6.2.1 */
const LARGEST_FRAGMENT = 16_384;

/**
 * What a TLS 1.2 implementation speaks over in place of a socket: it shows other certificates than it believes to
 * show, whatever they are made of.
 */
export class SwappedCertificates extends Duplex {
  readonly #socket: Socket;
  readonly #chain: readonly Buffer[];
  #pending = Buffer.alloc(0);
  #done = false;

  /** @param chain what goes out instead of the first Certificate message */
  constructor(socket: Socket, chain: readonly Buffer[]) {
    super();
    this.#socket = socket;
    this.#chain = chain;
    socket.on('data', (data: Buffer) => this.push(data));
    socket.on('end', () => this.push(null));
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (let record = this.#next(); record !== undefined; record = this.#next()) {
      const isCertificate = record[0] === HANDSHAKE && record[RECORD_HEADER] === CERTIFICATE;
      this.#socket.write(isCertificate && !this.#done ? swapped(this.#chain) : record);
      this.#done ||= isCertificate;
    }
    done();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  /** The next whole record. */
  #next(): Buffer | undefined {
    if (this.#pending.length < RECORD_HEADER) return undefined;
    const end = RECORD_HEADER + this.#pending.readUInt16BE(3);
    if (this.#pending.length < end) return undefined;
    const record = this.#pending.subarray(0, end);
    this.#pending = this.#pending.subarray(end);
    return record;
  }
}

/** Records with a Certificate message (RFC 5246 section 7.4.2). */
function swapped(chain: readonly Buffer[]): Buffer {
  const list = Buffer.concat(chain.flatMap((each) => [length24(each.length), each]));
  const body = Buffer.concat([length24(list.length), list]);
  const message = Buffer.concat([Buffer.of(CERTIFICATE), length24(body.length), body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += LARGEST_FRAGMENT) {
    const part = message.subarray(at, at + LARGEST_FRAGMENT);
    records.push(Buffer.of(HANDSHAKE, 3, 3, part.length >> 8, part.length & 0xff), part);
  }
  return Buffer.concat(records);
}

function length24(length: number): Buffer {
  return Buffer.of(length >> 16, (length >> 8) & 0xff, length & 0xff);
}
