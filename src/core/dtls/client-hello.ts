/**
 * What begins a handshake over datagrams, as far as it is looked at before its sender has shown that it is where the
 * datagram says it is (RFC 6347 sections 4.1, 4.2.1 and 4.2.2).
 */
export interface DatagramHello {
  /** Of the record: 48 bits, big-endian. */
  readonly recordSequence: Buffer;
  /** Of the message: 0 in a client's first hello, 1 in the one that shows a cookie. */
  readonly messageSequence: number;
  /** Empty: it shows none. */
  readonly cookie: Buffer;
  /**
   * What a client says the same in both hellos: version, random and session id; cipher suites and compression methods.
   * All have a fixed length or say it, so that one after the other they mean only one thing.
   */
  readonly parameters: readonly [Buffer, Buffer];
}

/** Whether it is the answer to a HelloVerifyRequest; what it shows is another question. */
export function showsCookie({ messageSequence, cookie }: DatagramHello): boolean {
  return messageSequence === 1 && cookie.length > 0;
}

/**
 * Undefined for what is none, or none that can be answered without keeping anything: the datagram must be one record
 * with a ClientHello, or with so much of its beginning that the compression methods are in it. Extensions are not looked
 * at. The buffers are parts of `datagram`.
 */
export function readDatagramHello(datagram: Buffer): DatagramHello | undefined {
  if (datagram.length < BODY || !isFirstRecord(datagram) || !beginsHello(datagram))
    return undefined;
  const body = datagram.subarray(BODY);
  const sessionIdEnd = vectorEnd(body, SESSION_ID, 1);
  const cookieEnd = vectorEnd(body, sessionIdEnd, 1);
  const suitesEnd = vectorEnd(body, cookieEnd, 2);
  const end = vectorEnd(body, suitesEnd, 1);
  if (sessionIdEnd === undefined || end === undefined) return undefined;
  return {
    recordSequence: datagram.subarray(RECORD_SEQUENCE, RECORD_SEQUENCE + 6),
    messageSequence: datagram.readUInt16BE(MESSAGE_SEQUENCE),
    cookie: body.subarray(sessionIdEnd + 1, cookieEnd),
    parameters: [body.subarray(0, sessionIdEnd), body.subarray(cookieEnd, end)],
  };
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** The first byte of every version of DTLS. */
const DTLS = 0xfe;

// Offsets in a datagram with one record of one message.
const RECORD_EPOCH = 3;
const RECORD_SEQUENCE = 5;
const RECORD_LENGTH = 11;
const MESSAGE = 13;
const MESSAGE_LENGTH = 14;
const MESSAGE_SEQUENCE = 17;
const FRAGMENT_OFFSET = 19;
const FRAGMENT_LENGTH = 22;
const BODY = 25;
/** In the body, after the version (2 bytes) and the random (32). */
const SESSION_ID = 34;

/** Whether the datagram is one record of the handshake, which nothing protects yet. */
function isFirstRecord(datagram: Buffer): boolean {
  return (
    datagram[0] === HANDSHAKE &&
    datagram[1] === DTLS &&
    datagram.readUInt16BE(RECORD_EPOCH) === 0 &&
    datagram.readUInt16BE(RECORD_LENGTH) === datagram.length - MESSAGE
  );
}

/** Whether the record is the beginning of a ClientHello, or all of it. */
function beginsHello(datagram: Buffer): boolean {
  const fragment = datagram.readUIntBE(FRAGMENT_LENGTH, 3);
  return (
    datagram[MESSAGE] === CLIENT_HELLO &&
    datagram.readUInt16BE(MESSAGE_SEQUENCE) <= 1 &&
    datagram.readUIntBE(FRAGMENT_OFFSET, 3) === 0 &&
    fragment === datagram.length - BODY &&
    fragment <= datagram.readUIntBE(MESSAGE_LENGTH, 3)
  );
}

/** Where a vector ends that begins at `start` with its length, of `size` bytes; undefined: it is not all there. */
function vectorEnd(body: Buffer, start: number | undefined, size: 1 | 2): number | undefined {
  if (start === undefined || start + size > body.length) return undefined;
  const end = start + size + body.readUIntBE(start, size);
  return end <= body.length ? end : undefined;
}
