import { constants } from 'node:os';
import { closeFd } from '../core/engine/sockets.ts';
import { TlspoolError } from '../core/errors.ts';
import { noOptions, readDetails, writeOptions } from '../core/protocol/extension.ts';
import { type StartTlsFlag, startTlsFlags } from '../core/protocol/flags.ts';
import type { Message, StartTls } from '../core/protocol/message.ts';
import { newCtlkey } from './ctlkey.ts';
import { errorOf, extensionMissing, unexpectedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { PoolSession, type SessionKeeper } from './pool-session.ts';
import type { RenewalRequest, StartTlsRequest } from './start-tls-request.ts';

/** The connection to the pool that sessions are asked for on. */
interface Asked extends SessionKeeper {
  /** Whether the pool knows our options and details around STARTTLS. */
  readonly extended: boolean;
}

/** What is asked, without whom for. */
export type StartTlsOrder = Omit<StartTlsRequest, 'fd' | 'plain' | 'signal'>;

/** The way back to the connection that the request is made on. */
export interface Channel {
  readonly pool: Asked;
  send(callbackId: number, message: Message, fd?: number): void;
  resolve(session: PoolSession): void;
  reject(error: unknown): void;
}

export interface StartedExchange {
  readonly messages: readonly Message[];
  readonly fd: number;
  readonly exchange: Exchange;
}

const TCP = 6;
const UDP = 17;
const FOREVER = 0xffff_ffff;

/** What to send, and what to do with what comes back. */
export function renewalExchange(
  { ctlkey, flags }: Pick<PoolSession, 'ctlkey' | 'flags'>,
  { flags: more, ...wanted }: RenewalRequest,
  channel: Channel,
): Omit<StartedExchange, 'fd'> {
  const role = (flags & startTlsFlags.localRoleClient) === 0 ? 'server' : 'client';
  const plain = () => {
    throw new TlspoolError('unexpected-answer', 'the pool asks again for a plaintext socket');
  };
  const request = {
    ...wanted,
    fd: -1,
    role,
    flags: { ...more, renegotiate: true },
    plain,
  } as const;
  return {
    messages: [
      ...(channel.pool.extended ? writeOptions(noOptions) : []),
      { ...startTlsMessage(request), ctlkey },
    ],
    exchange: new StartTlsExchange(request, ctlkey, channel),
  };
}

/** What to send, and what to do with what comes back. @throws TlspoolError; the descriptor is closed then */
export function startTlsExchange(request: StartTlsRequest, channel: Channel): StartedExchange {
  try {
    request.signal?.throwIfAborted();
    const message = startTlsMessage(request);
    const options = optionsOf(request, channel.pool);
    return {
      messages: [...options, message],
      fd: request.fd,
      exchange: new StartTlsExchange(request, message.ctlkey, channel),
    };
  } catch (error) {
    closeFd(request.fd);
    throw error;
  }
}

/** What asks a pool that is `extended`; whoever sends it several times gives each a `ctlkey` of its own. */
export function startTlsMessages(order: StartTlsOrder): Message[] {
  return [...optionsOf(order, { extended: true }), startTlsMessage(order)];
}

function startTlsMessage(request: StartTlsOrder): StartTls {
  return {
    command: 'starttls',
    flags: flagsOf(request),
    local: 0,
    ipProtocol: request.flags?.dtls ? UDP : TCP,
    streamId: 0,
    localId: request.localId ?? '',
    remoteId: request.remoteId ?? '',
    ctlkey: newCtlkey(),
    service: request.service ?? '',
    timeout: timeoutOf(request.timeout),
  };
}

function flagsOf({ role, flags = {}, chooseLocalId }: StartTlsOrder): number {
  let bits =
    role === 'client'
      ? startTlsFlags.localRoleClient | startTlsFlags.remoteRoleServer
      : startTlsFlags.localRoleServer | startTlsFlags.remoteRoleClient;
  for (const name in flags) {
    if (flags[name as keyof typeof flags] === true) bits |= startTlsFlags[name as StartTlsFlag];
  }
  if (chooseLocalId !== undefined) bits |= startTlsFlags.localIdCheck;
  return bits;
}

function timeoutOf(timeout: number | undefined): number {
  if (timeout === undefined) return 0;
  return timeout === Number.POSITIVE_INFINITY ? FOREVER : Math.min(Math.ceil(timeout), FOREVER - 1);
}

function optionsOf(request: StartTlsOrder, pool: Pick<Asked, 'extended'>): Message[] {
  const { localIds = [], alpn = [], clientAddress, process, resumptionScope, hello } = request;
  const options = { localIds, alpn, clientAddress, process, resumptionScope, hello };
  if (pool.extended) return writeOptions(options);
  // What would change the session must not get lost; whom a server talks to is a word for the log.
  if (localIds.length > 0) throw extensionMissing('several local identities');
  if (process !== undefined) throw extensionMissing('a question for another process');
  if (hello !== undefined) throw extensionMissing('a client that has shown its cookie');
  if (alpn.length > 0) throw extensionMissing('a list of protocols (ALPN)');
  if (resumptionScope !== undefined) throw extensionMissing('a scope of resumption');
  return [];
}

class StartTlsExchange implements Exchange {
  readonly #request: StartTlsRequest;
  readonly #channel: Channel;
  readonly #details: Buffer[] = [];
  readonly #ctlkey: Buffer;
  readonly #abort = () => this.#withdraw();
  /** Why the program gave up; the pool may not know yet. */
  #givenUp: { readonly error: unknown } | undefined;

  constructor(request: StartTlsRequest, ctlkey: Buffer, channel: Channel) {
    this.#request = request;
    this.#ctlkey = ctlkey;
    this.#channel = channel;
    request.signal?.addEventListener('abort', this.#abort);
  }

  callback(callbackId: number, message: Message): void {
    this.#answer(callbackId, message).catch((error: unknown) => {
      this.#channel.send(callbackId, refusal(error));
      this.#giveUp(error);
    });
  }

  details(list: Buffer): void {
    this.#details.push(list);
  }

  final(message: Message): void {
    this.#request.signal?.removeEventListener('abort', this.#abort);
    if (message.command === 'starttls') {
      this.#channel.resolve(
        new PoolSession(this.#channel.pool, message as StartTls, this.#details),
      );
    } else {
      this.#channel.reject(errorOf(message) ?? unexpectedAnswer(message, 'starttls'));
    }
  }

  lost(error: Error): void {
    this.#request.signal?.removeEventListener('abort', this.#abort);
    this.#channel.reject(error);
  }

  /** Answers a question of the pool; what it throws refuses. */
  async #answer(callbackId: number, message: Message): Promise<void> {
    if (this.#givenUp !== undefined) throw this.#givenUp.error;
    if (message.command === 'plaintextConnect') {
      const details = this.#details.length > 0 ? readDetails(this.#details) : undefined;
      const fd = await this.#request.plain(message, details);
      this.#channel.send(callbackId, message, fd);
      return;
    }
    if (message.command === 'starttlsLocalId') {
      const localId = (await this.#request.chooseLocalId?.(message)) ?? '';
      this.#channel.send(callbackId, { ...message, localId });
      return;
    }
    throw unexpectedAnswer(message, 'starttls');
  }

  /** The other side is let go at once, where the pool knows how; else when it asks next, or has waited long enough. */
  #withdraw(): void {
    this.#giveUp(this.#request.signal?.reason);
    if (!this.#channel.pool.extended) return;
    this.#channel.send(0, { command: 'withdraw', flags: 0, ctlkey: this.#ctlkey, name: '' });
  }

  #giveUp(error: unknown): void {
    this.#givenUp ??= { error };
    this.#channel.reject(error);
  }
}

/** Tells the pool that a question gets no other answer. */
function refusal(error: unknown): Message {
  const wire = error instanceof TlspoolError ? error.wire : undefined;
  return {
    command: 'error',
    number: wire ?? constants.errno.ECANCELED,
    text: error instanceof Error ? error.message : 'the program gave up',
  };
}
