/** Datagrams that begin a handshake of DTLS, made of their parts (RFC 6347 sections 4.1 and 4.2.2). */
import { randomBytes } from 'node:crypto';

export interface HelloParts {
  readonly version: number;
  /** 32 bytes. */
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly cookie: Buffer;
  readonly suites: Buffer;
  readonly compression: Buffer;
  /** All that follows the compression methods. */
  readonly extensions: Buffer;
  /** Of the record. */
  readonly sequence: number;
  /** Of the message. */
  readonly message: number;
}

/** A client's first hello. */
export function firstHello(): HelloParts {
  return {
    version: 0xfefd,
    random: randomBytes(32),
    sessionId: Buffer.alloc(0),
    cookie: Buffer.alloc(0),
    suites: Buffer.from('c02bc02f', 'hex'),
    compression: Buffer.of(0),
    extensions: Buffer.alloc(0),
    sequence: 0,
    message: 0,
  };
}

/** The hello that answers a HelloVerifyRequest with this cookie. */
export function secondHello(first: HelloParts, cookie: Buffer): HelloParts {
  return { ...first, cookie, sequence: 1, message: 1 };
}

/** @param most bytes of the message that the datagram takes; the rest would be other fragments */
export function madeHello(parts: HelloParts, most = Number.POSITIVE_INFINITY): Buffer {
  const { version, random, sessionId, cookie, suites, compression, extensions } = parts;
  const message = Buffer.concat([
    number(version, 2),
    random,
    vector(sessionId, 1),
    vector(cookie, 1),
    vector(suites, 2),
    vector(compression, 1),
    extensions,
  ]);
  const fragment = message.subarray(0, most);
  const record = Buffer.concat([
    Buffer.of(1),
    number(message.length, 3),
    number(parts.message, 2),
    number(0, 3),
    number(fragment.length, 3),
    fragment,
  ]);
  const header = Buffer.concat([Buffer.of(22, 0xfe, 0xff, 0, 0), number(parts.sequence, 6)]);
  return Buffer.concat([header, vector(record, 2)]);
}

/** What a HelloVerifyRequest holds; the cookie fills what is left of it. */
export function readHelloVerifyRequest(datagram: Buffer) {
  return {
    type: datagram[0],
    recordVersion: datagram.readUInt16BE(1),
    epoch: datagram.readUInt16BE(3),
    sequence: datagram.readUIntBE(5, 6),
    recordLength: datagram.readUInt16BE(11),
    message: datagram[13],
    messageLength: datagram.readUIntBE(14, 3),
    messageSequence: datagram.readUInt16BE(17),
    fragmentOffset: datagram.readUIntBE(19, 3),
    fragmentLength: datagram.readUIntBE(22, 3),
    version: datagram.readUInt16BE(25),
    cookieLength: datagram[27],
    cookie: datagram.subarray(28),
  };
}

function number(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

function vector(content: Buffer, size: number): Buffer {
  return Buffer.concat([number(content.length, size), content]);
}
