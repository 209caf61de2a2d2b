import { EventEmitter } from 'node:events';
import { closeFd } from '../core/engine/sockets.ts';
import { decode } from '../core/protocol/codec.ts';
import {
  type ClearTextQuestion,
  type ProgramQuestion,
  writeClearTextQuestion,
  writeProgramQuestion,
} from '../core/protocol/extension.ts';
import { facilities, POOL_IDENTITY } from '../core/protocol/flags.ts';
import { type InfoKind, infoKinds, writeInfo } from '../core/protocol/info.ts';
import type { Control, Envelope, Message, Ping } from '../core/protocol/message.ts';
import { readPrngAnswer, writePrngRequest } from '../core/protocol/prng.ts';
import type { Attachments } from '../core/protocol/reassembly.ts';
import { MessageSocket } from '../core/transport/message-socket.ts';
import {
  connectionLost,
  errorOf,
  extensionMissing,
  tooManyRequests,
  unexpectedAnswer,
} from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { PoolSession } from './pool-session.ts';
import { renewalExchange, startTlsExchange } from './start-tls.ts';
import type { RenewalRequest, StartTlsRequest } from './start-tls-request.ts';

export interface PingAnswer {
  /** Whom the pool says it is: date and domain of its protocol. */
  readonly identity: string;
  /** Bits: 1 STARTTLS, 2 STARTGSS, 4 STARTSSH; the top one is our own extension. */
  readonly facilities: number;
}

export interface PrngQuestion {
  readonly ctlkey: Buffer;
  /** One of the IANA registry of exporter labels, or one that starts with `EXPERIMENTAL`. */
  readonly label: string;
  /** ≤ 254 bytes; none differs from an empty one up to TLS 1.2. */
  readonly context?: Buffer | undefined;
  /** Bytes, ≤ 350. */
  readonly length: number;
}

export interface InfoQuestion {
  readonly ctlkey: Buffer;
  readonly kind: InfoKind;
  /** To be compared with; without it the value is told. */
  readonly value?: Buffer | undefined;
}

/** Answers one question of the pool; what comes too late goes nowhere. */
export type Answer = (message: Message) => void;

/** A seat that was taken. */
export interface Offer {
  /** When it was withdrawn, and the pool knows. */
  readonly ended: Promise<void>;
  withdraw(): void;
}

const HIGHEST_REQUEST = 0xffff;

/**
 * A connection to the pool, for any number of requests at once. Sessions that are set up on it end with it, unless
 * they were detached or forked. Emits `close` once, with the error if the pool went.
 */
export class PoolConnection extends EventEmitter<{ close: [error: Error | undefined] }> {
  readonly #socket: MessageSocket;
  readonly #exchanges = new Map<number, Exchange>();
  #lastId = 0;
  #facilities = 0;
  #gone: Error | undefined;

  /** Use `connect`. @param fd a connected socket, which it takes over */
  constructor(fd: number) {
    super();
    this.#socket = new MessageSocket(fd, {
      message: (bytes, attachments) => this.#receive(bytes, attachments),
      closed: (error) => this.#lost(error),
    });
    this.#socket.unref();
  }

  /** Whether the pool knows our options and details around STARTTLS; known after the first `ping`. */
  get extended(): boolean {
    return (this.#facilities & facilities.extension) !== 0;
  }

  async ping(): Promise<PingAnswer> {
    const offer = facilities.startTls | facilities.extension;
    const answer = await this.#ask(
      { command: 'ping', identity: POOL_IDENTITY, facilities: offer >>> 0 },
      'ping',
    );
    const { identity, facilities: agreed } = answer as Ping;
    this.#facilities = agreed;
    return { identity, facilities: agreed };
  }

  /**
   * Hands a connection over to the pool, which then speaks TLS on it. The descriptor is taken over in any case.
   * Resolves when data may flow. @throws TlspoolError as the pool answers
   */
  startTls(request: StartTlsRequest): Promise<PoolSession> {
    const { promise, resolve, reject } = Promise.withResolvers<PoolSession>();
    try {
      const id = this.#freeId();
      const { messages, fd, exchange } = startTlsExchange(request, {
        pool: this,
        send: (callbackId, message, passed) => this.#send(id, callbackId, message, passed),
        resolve,
        reject,
      });
      this.#begin(id, exchange);
      this.#socket.send(
        messages.map((message) => ({ requestId: id, callbackId: 0, message })),
        fd,
      );
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  /** Use `PoolSession.renew`. */
  renew(session: PoolSession, request: RenewalRequest): Promise<PoolSession> {
    const { promise, resolve, reject } = Promise.withResolvers<PoolSession>();
    try {
      const id = this.#freeId();
      const send = (callbackId: number, message: Message) => this.#send(id, callbackId, message);
      const channel = { pool: this, send, resolve, reject };
      const { messages, exchange } = renewalExchange(session, request, channel);
      this.#begin(id, exchange);
      for (const message of messages) this.#send(id, 0, message);
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  /**
   * Asks whether a process that descends from this one may act as local identities; the pool judges servers by what it
   * is now. @throws TlspoolError EACCES, which names the identity and the command that would allow it
   */
  async judge(question: ProgramQuestion): Promise<void> {
    if (!this.extended) throw extensionMissing('a question for another process');
    await this.#ask(writeProgramQuestion(question), 'success');
  }

  /**
   * Asks whether a client that does not want TLS may go on in the clear, as nobody. @throws TlspoolError EACCES: our identity
   * is closed to such
   */
  async admitClear(question: ClearTextQuestion): Promise<void> {
    if (!this.extended) throw extensionMissing('a question about clear text');
    await this.#ask(writeClearTextQuestion(question), 'success');
  }

  /** The session no longer belongs to this connection. */
  async detach(ctlkey: Buffer): Promise<void> {
    await this.#control('detach', ctlkey);
  }

  /** A detached session now belongs to this connection. */
  async reattach(ctlkey: Buffer): Promise<void> {
    await this.#control('reattach', ctlkey);
  }

  /** Keying material of a session (RFC 5705, RFC 8446 section 7.5). */
  async prng(question: PrngQuestion): Promise<Buffer> {
    const { ctlkey, label, context, length } = question;
    const answer = await this.#ask(writePrngRequest({ ctlkey, label, context, length }), 'prng');
    return answer.command === 'prng' ? readPrngAnswer(answer) : Buffer.alloc(0);
  }

  /** A value of a session: what was asked for, or (equal to) what was given. */
  async info({ ctlkey, kind, value }: InfoQuestion): Promise<Buffer> {
    const answer = await this.#ask(writeInfo(ctlkey, infoKinds[kind], value), 'info');
    return answer.command === 'info' ? answer.buffer.subarray(0, answer.length) : Buffer.alloc(0);
  }

  /**
   * Takes a seat: a request that is not answered. The pool calls instead whenever it has a question, and the answer
   * renews the offer. `ended` rejects if the pool refuses, or lets go of us.
   */
  offer(message: Message, called: (question: Message, answer: Answer) => void): Offer {
    const ended = Promise.withResolvers<void>();
    const id = this.#freeId();
    let open = 0;
    this.#begin(id, {
      callback: (callbackId, question) => {
        open = callbackId;
        called(question, (answer) => {
          if (open !== callbackId) return;
          open = 0;
          this.#send(id, callbackId, answer);
        });
      },
      details: () => {},
      final: (answer) => {
        if (answer.command === 'success') ended.resolve();
        else ended.reject(errorOf(answer) ?? unexpectedAnswer(answer, message.command));
      },
      lost: ended.reject,
    });
    this.#send(id, 0, message);
    return {
      ended: ended.promise,
      withdraw: () => {
        const text = 'the offer is withdrawn';
        this.#send(id, open, { command: 'error', number: 125, text });
      },
    };
  }

  /** Gives the socket up, to be used otherwise, when nothing was asked that is not answered. */
  release(): number {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#exchanges.size > 0) throw new Error('requests wait for their answers');
    this.#gone = connectionLost('it was given up');
    return this.#socket.release();
  }

  /** Ends the connection, and with it what belongs to it. Idempotent. */
  close(): void {
    if (this.#gone !== undefined) return;
    this.#socket.close();
    this.#end(connectionLost('it was closed here'), undefined);
  }

  async #control(command: Control['command'], ctlkey: Buffer): Promise<void> {
    await this.#ask({ command, flags: 0, ctlkey, name: '' }, 'success');
  }

  #ask(message: Message, expected: Message['command']): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    try {
      const id = this.#freeId();
      this.#begin(id, {
        callback: (callbackId) => this.#send(id, callbackId, refusal()),
        details: () => {},
        final: (answer) => {
          if (answer.command === expected) resolve(answer);
          else reject(errorOf(answer) ?? unexpectedAnswer(answer, message.command));
        },
        lost: reject,
      });
      this.#send(id, 0, message);
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  #begin(id: number, exchange: Exchange): void {
    this.#exchanges.set(id, exchange);
    this.#socket.ref();
  }

  #receive(bytes: Buffer, { fds }: Attachments): void {
    // The pool never sends descriptors.
    for (const fd of fds) closeFd(fd);
    let envelope: Envelope;
    try {
      envelope = decode(bytes);
    } catch (error) {
      this.#socket.close();
      this.#lost(error as Error);
      return;
    }
    this.#dispatch(envelope);
  }

  #dispatch({ requestId, callbackId, message }: Envelope): void {
    const exchange = this.#exchanges.get(requestId);
    if (exchange === undefined) {
      if (callbackId !== 0) this.#send(requestId, callbackId, refusal());
      return;
    }
    if (callbackId !== 0) exchange.callback(callbackId, message);
    else if (message.command === 'starttlsDetails') exchange.details(message.data);
    else {
      this.#exchanges.delete(requestId);
      if (this.#exchanges.size === 0) this.#socket.unref();
      exchange.final(message);
    }
  }

  #send(requestId: number, callbackId: number, message: Message, fd?: number): void {
    this.#socket.send([{ requestId, callbackId, message }], fd);
  }

  #lost(error: Error | undefined): void {
    const reason = error?.message ?? 'the pool closed it';
    this.#end(connectionLost(reason, error), error);
  }

  #end(gone: Error, error: Error | undefined): void {
    this.#gone = gone;
    for (const exchange of this.#exchanges.values()) exchange.lost(gone);
    this.#exchanges.clear();
    this.emit('close', error);
  }

  #freeId(): number {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#exchanges.size >= HIGHEST_REQUEST) throw tooManyRequests();
    do {
      this.#lastId = this.#lastId === HIGHEST_REQUEST ? 1 : this.#lastId + 1;
    } while (this.#exchanges.has(this.#lastId));
    return this.#lastId;
  }
}

/** To a callback that nobody here waits for. */
function refusal(): Message {
  return { command: 'error', number: 125, text: 'the request was given up' };
}
