import { closeFd, receive, send, type Watch, watch } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { encode } from '../protocol/codec.ts';
import { PosixError } from '../protocol/errors.ts';
import { MESSAGE_LENGTH } from '../protocol/fields.ts';
import type { Envelope } from '../protocol/message.ts';
import { type Attachments, Reassembly } from '../protocol/reassembly.ts';

export interface MessageHandler {
  /** A message came; `bytes` are overwritten after this call, the descriptors are the callee's to close. */
  message(bytes: Buffer, attachments: Attachments): void;
  /** The last call, with the reason if it is an error; not after `close`. */
  closed(error: Error | undefined): void;
}

/** Other sockets get their turn after so many messages. */
const LARGEST_BATCH = 64;

/** A peer that does not read its messages is not read from either until fewer than these wait for it. */
const MOST_WAITING = 256;

/**
 * Messages that wait for a peer that reads nothing at all, whatever else happens: 12 MiB. Thousands of sessions may have
 * their answers in the same moment, when their time is up: whoever has so many is not to lose them all for that.
 */
const TOO_MANY_WAITING = 32_768;

/** ms without a byte taken after which a peer counts as one that reads nothing. */
const READS_NOTHING = 2_000;

/** One side of a stream of messages with descriptors beside them. Owns the socket. */
export class MessageSocket {
  readonly #fd: number;
  readonly #handler: MessageHandler;
  readonly #watch: Watch;
  readonly #incoming = new Reassembly();
  /** When the peer last made room, by performance.now(); of meaning while something waits. */
  #lastTaken = 0;
  #outgoing: Outgoing[] = [];
  #closed = false;

  /** @param fd a connected UNIX stream socket, which it takes over */
  constructor(fd: number, handler: MessageHandler) {
    this.#fd = fd;
    this.#handler = handler;
    this.#watch = watch(fd, { readable: true }, ({ readable, writable }) => {
      if (writable) this.#flush();
      if (readable) this.#read();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends messages in one piece, now or when the peer has read what was sent before.
   *
   * @param fd goes with the first of them; it is this socket's from here on, which closes it when it is sent
   * @throws MalformedMessage, nothing being sent
   */
  send(messages: readonly Envelope[], fd?: number): void {
    if (this.#closed) {
      if (fd !== undefined) closeFd(fd);
      return;
    }
    const bytes = writeOrClose(messages, fd);
    if (this.#outgoing.length > 0) this.#queue(bytes, fd);
    else this.#sendNow(bytes, fd);
    // What is sent may be a PIN.
    if (messages.some(({ message }) => message.command === 'pinEntry')) bytes.fill(0);
  }

  /** Nothing is called back any more; what waits to be sent is dropped. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    closeFd(this.#fd);
    for (const fd of this.#incoming.take().fds) closeFd(fd);
    for (const { fd } of this.#outgoing) if (fd !== undefined) closeFd(fd);
    this.#outgoing = [];
  }

  /** Gives the socket up, between two messages: it is the caller's from here on, and nothing is called back any more. */
  release(): number {
    this.#closed = true;
    this.#watch.close();
    return this.#fd;
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#watch.unref();
  }

  ref(): void {
    this.#watch.ref();
  }

  #read(): void {
    try {
      for (let count = 0; count < LARGEST_BATCH && this.#mayRead(); count += 1) {
        if (!this.#readMessage()) return;
      }
    } catch (error) {
      this.#end(error as Error);
    }
  }

  /** No getter: V8 reads private ones by a call into its runtime. */
  #mayRead(): boolean {
    return !this.#closed && this.#outgoing.length < MOST_WAITING;
  }

  /** False if there is no more to read now. */
  #readMessage(): boolean {
    const incoming = this.#incoming;
    for (;;) {
      const received = receive(this.#fd, incoming.frame, incoming.filled);
      if (received === undefined) return false;
      const { bytes, fds, truncated } = received;
      if (bytes === 0) {
        this.#end(incoming.filled === 0 ? undefined : endedShort(incoming.filled));
        return false;
      }
      if (!incoming.add(bytes, fds, truncated)) continue;
      this.#handler.message(incoming.frame, incoming.take());
      return true;
    }
  }

  #sendNow(bytes: Buffer, fd: number | undefined): void {
    try {
      const sent = send(this.#fd, bytes, fd) ?? 0;
      if (sent > 0 && fd !== undefined) closeFd(fd);
      // The bytes are our scratch memory: what is left of them must be kept apart.
      if (sent < bytes.length) this.#queue(bytes.subarray(sent), sent > 0 ? undefined : fd);
    } catch (error) {
      if (fd !== undefined) closeFd(fd);
      // Whoever sends is in the middle of something.
      queueMicrotask(() => this.#end(error as Error));
    }
  }

  #queue(bytes: Buffer, fd: number | undefined): void {
    this.#outgoing.push({ bytes: Buffer.from(bytes), fd });
    if (this.#outgoing.length === 1) this.#lastTaken = performance.now();
    if (this.#outgoing.length > TOO_MANY_WAITING) queueMicrotask(() => this.#endUnlessRead());
    else this.#attend();
  }

  /** Thousands of timers that end in one turn of the event loop leave no turn for sending: the peer may well read. */
  #endUnlessRead(): void {
    if (this.#closed) return;
    this.#flush();
    const idle = performance.now() - this.#lastTaken;
    if (this.#outgoing.length > TOO_MANY_WAITING && idle > READS_NOTHING) this.#end(neverReads());
  }

  #flush(): void {
    const waiting = this.#outgoing;
    try {
      let done = 0;
      for (const entry of waiting) {
        const sent = send(this.#fd, entry.bytes, entry.fd) ?? 0;
        if (sent > 0) this.#lastTaken = performance.now();
        if (sent > 0 && entry.fd !== undefined) {
          closeFd(entry.fd);
          entry.fd = undefined;
        }
        entry.bytes.fill(0, 0, sent);
        entry.bytes = entry.bytes.subarray(sent);
        if (entry.bytes.length > 0) break;
        done += 1;
      }
      waiting.splice(0, done);
      this.#attend();
    } catch (error) {
      this.#end(error as Error);
    }
  }

  /** Watches for what can be done next. */
  #attend(): void {
    this.#watch.update({ readable: this.#mayRead(), writable: this.#outgoing.length > 0 });
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.close();
    this.#handler.closed(error !== undefined && isHangUp(error) ? undefined : error);
  }
}

interface Outgoing {
  bytes: Buffer;
  fd: number | undefined;
}

/** Enough for what is sent at once; more gets memory of its own. */
const scratch = Buffer.alloc(4 * MESSAGE_LENGTH);

function write(messages: readonly Envelope[]): Buffer {
  const length = messages.length * MESSAGE_LENGTH;
  const target = length <= scratch.length ? scratch : Buffer.alloc(length);
  for (const [index, message] of messages.entries()) {
    encode(message, target.subarray(index * MESSAGE_LENGTH));
  }
  return target.subarray(0, length);
}

function writeOrClose(messages: readonly Envelope[], fd: number | undefined): Buffer {
  try {
    return write(messages);
  } catch (error) {
    if (fd !== undefined) closeFd(fd);
    throw error;
  }
}

/** A peer that is killed may leave messages unread: that is an end like any other. */
function isHangUp(error: Error): boolean {
  return error instanceof TlspoolError && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function endedShort(bytes: number): PosixError {
  return new PosixError(
    'EBADMSG',
    `the connection ended after ${bytes} of the ${MESSAGE_LENGTH} bytes of a message`,
  );
}

function neverReads(): PosixError {
  return new PosixError('ENOBUFS', `${TOO_MANY_WAITING} messages wait and none of them is read`);
}
