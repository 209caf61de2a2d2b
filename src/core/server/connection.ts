import { constants } from 'node:os';
import { closeFd, type PeerCredentials } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { decode, decodeHeader } from '../protocol/codec.ts';
import { commandCodes } from '../protocol/command.ts';
import { PoolError, PosixError, wireNumber } from '../protocol/errors.ts';
import { MOST_OPTION_MESSAGES } from '../protocol/extension.ts';
import { MalformedMessage } from '../protocol/fields.ts';
import type { Envelope, Message, MessageOf } from '../protocol/message.ts';
import type { Attachments } from '../protocol/reassembly.ts';
import type { Answer, Callback, Requester } from '../session/requester.ts';
import { MessageSocket } from '../transport/message-socket.ts';
import { Callbacks } from './callbacks.ts';
import { JudgedPrograms } from './judged-programs.ts';

/** What a pool does for its connections. All may throw: that is the answer then. */
export interface Requests {
  ping(message: MessageOf<'ping'>): MessageOf<'ping'>;
  /** May a process that this one asks for act as local identities? */
  program(connection: Connection, message: MessageOf<'program'>): Promise<Message>;
  /** May a client of this program's stay in the clear? */
  clearText(connection: Connection, message: MessageOf<'clearText'>): Promise<Message>;
  /** Answers through the connection. The descriptors are taken over, also when it throws. */
  startTls(connection: Connection, request: RawStartTls): void;
  prng(connection: Connection, message: MessageOf<'prng'>): Promise<Message>;
  info(connection: Connection, message: MessageOf<'info'>): Promise<Message>;
  detach(connection: Connection, message: MessageOf<'detach'>): void;
  /** undefined: it is done. */
  reattach(connection: Connection, message: MessageOf<'reattach'>): Promise<void> | undefined;
  /** The program offers to ask people for PINs; it is called when one is needed. */
  offerPins(connection: Connection, requestId: number, message: MessageOf<'pinEntry'>): void;
  /** The program offers to have people choose identities; it is called when one is to be chosen. */
  offerChoices(
    connection: Connection,
    requestId: number,
    message: MessageOf<'lidEntryRegister'>,
  ): void;
  /** False if that request is no offer of this connection. */
  withdraw(connection: Connection, requestId: number): boolean;
  /** The program no longer wants a session that is being set up, whose request is answered so. */
  withdrawStartTls(connection: Connection, message: MessageOf<'withdraw'>): void;
  /** An error that is nobody's but ours was answered. */
  fault(error: unknown): void;
  /** The connection is gone, and with it whoever asked. */
  closed(connection: Connection, error: Error | undefined): void;
}

/** STARTTLS as it came, with what came in front of it. */
export interface RawStartTls {
  readonly requestId: number;
  readonly message: MessageOf<'starttls'>;
  readonly fd: number | undefined;
  /** Lists of the extension; undefined: the program does not use it. */
  readonly options: readonly Buffer[] | undefined;
}

/** Options that wait for their STARTTLS, which must come next. */
interface WaitingOptions {
  readonly requestId: number;
  readonly lists: Buffer[];
  /** The ciphertext socket may come here already: one write, one descriptor. */
  fd: number | undefined;
}

/** One program's connection: reads its requests, hands them on, and writes what the pool has to say. */
export class Connection implements Requester {
  readonly peer: PeerCredentials;
  /** The processes that it asks for. */
  readonly programs: JudgedPrograms;
  readonly #requests: Requests;
  readonly #socket: MessageSocket;
  readonly #callbacks = new Callbacks();
  #options: WaitingOptions | undefined;
  #open = true;

  /**
   * @param fd an accepted connection, which it takes over
   * @param closed called when the program goes, not after `close`; with the reason if it is an error
   */
  constructor(
    fd: number,
    peer: PeerCredentials,
    requests: Requests,
    closed: (connection: Connection, error: Error | undefined) => void,
  ) {
    this.peer = peer;
    this.programs = new JudgedPrograms(peer, process.geteuid?.() ?? -1);
    this.#requests = requests;
    this.#socket = new MessageSocket(fd, {
      message: (bytes, attachments) => this.#receive(bytes, attachments),
      closed: (error) => {
        this.#open = false;
        this.#dropOptions();
        closed(this, error);
      },
    });
  }

  /** Whether the program is still there. */
  get isOpen(): boolean {
    return this.#open;
  }

  respond(requestId: number, ...messages: Message[]): void {
    this.#socket.send(messages.map((message) => ({ requestId, callbackId: 0, message })));
  }

  fail(requestId: number, error: unknown): void {
    if (!(error instanceof TlspoolError)) this.#requests.fault(error);
    this.respond(requestId, errorMessage(error));
  }

  call(
    requestId: number,
    messages: readonly Message[],
    answered: (answer: Answer) => void,
  ): Callback {
    const { id, callback } = this.#callbacks.add(answered);
    const last = messages.length - 1;
    this.#socket.send(
      messages.map(
        (message, index): Envelope => ({
          requestId,
          callbackId: index === last ? id : 0,
          message,
        }),
      ),
    );
    return callback;
  }

  /** Drops the connection; nobody is told. */
  close(): void {
    this.#open = false;
    this.#dropOptions();
    this.#socket.close();
  }

  #receive(bytes: Buffer, attachments: Attachments): void {
    const { requestId, callbackId, code } = decodeHeader(bytes);
    try {
      if (callbackId !== 0 && this.#receiveAnswer(callbackId, bytes, attachments)) return;
      const { message } = decode(bytes);
      const fd = takeDescriptor(message, attachments);
      this.#serve(requestId, message, fd);
    } catch (error) {
      if (error instanceof MalformedMessage) closeAll(attachments.fds);
      this.fail(requestId, error);
    } finally {
      // There may be a PIN in it.
      if (code === commandCodes.pinEntry) bytes.fill(0);
    }
  }

  /** True if there was a question with this id. */
  #receiveAnswer(id: number, bytes: Buffer, { fds, truncated }: Attachments): boolean {
    const answered = this.#callbacks.take(id);
    if (answered === undefined) return false;
    if (answered === 'late') closeAll(fds);
    else answered({ message: readAnswer(bytes), fds, truncated });
    return true;
  }

  #serve(requestId: number, message: Message, fd: number | undefined): void {
    if (message.command === 'starttlsOptions') {
      this.#noteOptions(requestId, message.data, fd);
      return;
    }
    const options = this.#takeOptions(requestId, message);
    switch (message.command) {
      case 'ping':
        this.respond(requestId, this.#requests.ping(message));
        return;
      case 'starttls':
        this.#requests.startTls(this, {
          requestId,
          message: message as MessageOf<'starttls'>,
          fd: onlyOne(fd, options?.fd),
          options: options?.lists,
        });
        return;
      case 'program':
        this.#answerLater(requestId, this.#requests.program(this, message as MessageOf<'program'>));
        return;
      case 'clearText':
        this.#answerLater(
          requestId,
          this.#requests.clearText(this, message as MessageOf<'clearText'>),
        );
        return;
      case 'prng':
        this.#answerLater(requestId, this.#requests.prng(this, message));
        return;
      case 'info':
        this.#answerLater(requestId, this.#requests.info(this, message));
        return;
      case 'detach':
        this.#requests.detach(this, message as MessageOf<'detach'>);
        this.respond(requestId, done);
        return;
      case 'reattach':
        this.#reattach(requestId, message as MessageOf<'reattach'>);
        return;
      case 'withdraw':
        this.#requests.withdrawStartTls(this, message as MessageOf<'withdraw'>);
        return;
      case 'pinEntry':
        this.#requests.offerPins(this, requestId, message);
        return;
      case 'error':
        if (!this.#requests.withdraw(this, requestId)) {
          throw new PoolError('COMMAND_UNKNOWN', 'there is nothing that this could withdraw');
        }
        this.respond(requestId, done);
        return;
      case 'lidEntryRegister':
        this.#requests.offerChoices(this, requestId, message as MessageOf<'lidEntryRegister'>);
        return;
      case 'unknown':
        throw new PoolError(
          'COMMAND_UNKNOWN',
          `there is no command 0x${message.code.toString(16).padStart(8, '0')}`,
        );
      default:
        throw new PoolError('COMMAND_UNKNOWN', `${message.command} is not a request`);
    }
  }

  /** At once where that can be: what is asked next may be about that session. */
  #reattach(requestId: number, message: MessageOf<'reattach'>): void {
    const later = this.#requests.reattach(this, message);
    if (later === undefined) this.respond(requestId, done);
    else
      this.#answerLater(
        requestId,
        later.then(() => done),
      );
  }

  #answerLater(requestId: number, answer: Promise<Message>): void {
    answer.then(
      (message) => this.respond(requestId, message),
      (error: unknown) => this.fail(requestId, error),
    );
  }

  #noteOptions(requestId: number, list: Buffer, fd: number | undefined): void {
    if (this.#options?.requestId !== requestId) this.#refuseOptions();
    const options = this.#options ?? { requestId, lists: [], fd: undefined };
    this.#options = undefined;
    options.fd = onlyOne(options.fd, fd);
    if (options.lists.push(list) <= MOST_OPTION_MESSAGES) {
      this.#options = options;
      return;
    }
    if (options.fd !== undefined) closeFd(options.fd);
    throw new PosixError('EMSGSIZE', `options take at most ${MOST_OPTION_MESSAGES} messages`);
  }

  #takeOptions(requestId: number, message: Message): WaitingOptions | undefined {
    const options = this.#options;
    const theirs = message.command === 'starttls' && options?.requestId === requestId;
    if (!theirs) {
      this.#refuseOptions();
      return undefined;
    }
    this.#options = undefined;
    return options;
  }

  #refuseOptions(): void {
    const requestId = this.#options?.requestId;
    if (requestId === undefined) return;
    this.#dropOptions();
    this.fail(
      requestId,
      new PoolError('COMMAND_NEEDED', 'STARTTLS must follow its options at once'),
    );
  }

  #dropOptions(): void {
    if (this.#options?.fd !== undefined) closeFd(this.#options.fd);
    this.#options = undefined;
  }
}

const done: Message = { command: 'success' };

/** At most one, and only where the command takes one. @throws PoolError, PosixError; all are closed then */
function takeDescriptor(message: Message, { fds, truncated }: Attachments): number | undefined {
  if (truncated) {
    closeAll(fds);
    throw lostDescriptor();
  }
  const takesOne = message.command === 'starttls' || message.command === 'starttlsOptions';
  if (fds.length > (takesOne ? 1 : 0)) {
    closeAll(fds);
    throw new PoolError(
      'SUPERFLUOUS_SOCKET',
      `${message.command} takes ${takesOne ? 'one descriptor' : 'no descriptor'}, got ${fds.length}`,
    );
  }
  return fds[0];
}

/** The descriptor of a request of several messages. @throws PoolError; both are closed then */
function onlyOne(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  closeAll([one, other]);
  throw new PoolError('SUPERFLUOUS_SOCKET', 'starttls and its options take one descriptor, got 2');
}

/** The kernel delivers a message without its descriptor when the receiver may not open more files. */
function lostDescriptor(): PosixError {
  return new PosixError(
    'EMFILE',
    'the pool has as many files open as it may',
    'Raise LimitNOFILE of the daemon.',
  );
}

function readAnswer(bytes: Buffer): Message | undefined {
  try {
    return decode(bytes).message;
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd);
}

/** What went wrong and what to do, as far as it fits. */
function errorMessage(error: unknown): Message {
  const { message, hint } = error instanceof TlspoolError ? error : internalFault;
  return {
    command: 'error',
    number: wireNumber(error, constants.errno.EIO),
    text: hint === undefined ? message : `${message}. ${hint}`,
  };
}

/** A fault of our own is not told to strangers; the log has it. */
const internalFault = { message: 'the pool has a fault; see its log', hint: undefined };
