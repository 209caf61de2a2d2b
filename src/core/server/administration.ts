import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate as breathe } from 'node:timers/promises';
import { closeFd, type PeerCredentials, peerCredentials } from '../engine/sockets.ts';
import type { Counters } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { PosixError } from '../protocol/errors.ts';
import type { Authoriser } from '../session/admission.ts';
import { tellable } from '../session/outcome.ts';
import type { Log } from '../telemetry/log.ts';
import type { Keyring } from '../token/keyring.ts';
import type { TokenStatus } from '../token/token-status.ts';
import { Acceptor } from '../tunnel/acceptor.ts';
import type { Connections } from './connections.ts';
import type { ChoiceView, IdentitySeat } from './identity-seat.ts';
import { type Listener, listenAt } from './listener.ts';
import type { PinRequestView, PinSeat } from './pin-seat.ts';
import { reviewSession } from './review.ts';
import type { Holder } from './seat.ts';
import { isOwner, isSeatMember } from './seat-access.ts';
import { viewSession } from './session-view.ts';
import type { Sessions } from './sessions.ts';
import { userName } from './user-name.ts';

/** What a pool is doing. */
export interface PoolStatus {
  readonly pid: number;
  readonly socket: string;
  readonly stateDir: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Programs that are connected. */
  readonly connections: number;
  readonly sessions: number;
  /** Since it started. */
  readonly sessionsTotal: number;
  /** Files and sockets that the process has open. */
  readonly openFiles: number;
  readonly tokens: readonly TokenStatus[];
}

/** One line from whoever administers the pool. */
export type AdministrationRequest =
  | { readonly do: 'status' }
  /** Answered by a line for each session, and one with `end`. */
  | { readonly do: 'sessions' }
  | { readonly do: 'close'; readonly session: string; readonly abort?: boolean }
  /** Who asks people for PINs, and what they are asked now. */
  | { readonly do: 'pins' }
  /** The same of a program's own seat, for members of `seat_group` too. */
  | { readonly do: 'my-pins' }
  /** Who has people choose identities, and what they are to choose now; and the same of a program's own seat. */
  | { readonly do: 'choices' }
  | { readonly do: 'my-choices' }
  /** Has someone asked for the PIN of a token; answered when that came to an end. */
  | { readonly do: 'enter-pin'; readonly token: string }
  | { readonly do: 'lock-token'; readonly token: string }
  /** Answered by a line for each session that is not allowed any more, which `apply` ends, and one with `end`. */
  | { readonly do: 'review'; readonly apply?: boolean };

/** The seat of PINENTRY. */
export interface PinStatus {
  /** The program that asks people; null: there is none. */
  readonly holder: SeatHolder | null;
  /** In the order in which they are asked for. */
  readonly needed: readonly PinRequestView[];
}

/** The seat of LIDENTRY. */
export interface ChoiceStatus {
  readonly holder: SeatHolder | null;
  readonly needed: readonly ChoiceView[];
}

export interface SeatHolder {
  readonly pid: number;
  readonly uid: number;
  readonly user: string;
  readonly executable: string;
}

export interface AdministrationParts {
  readonly socket: string;
  readonly stateDir: string;
  readonly sessions: Sessions;
  readonly connections: Connections;
  readonly keyring: Pick<Keyring, 'tokens' | 'named' | 'lock'>;
  readonly pins: Pick<PinSeat, 'holder' | 'view' | 'enter'>;
  readonly choices: Pick<IdentitySeat, 'holder' | 'view'>;
  /** Whose members may ask about their own seat; undefined: nobody's. */
  readonly seatGid: () => number | undefined;
  readonly counters: (engineId: number) => Counters;
  readonly authorisation: Authoriser;
  /** What a command wrote a moment ago is known when it resolves. */
  readonly refresh: () => Promise<void>;
  readonly log: Log;
}

/** Root and the pool's user alone, whatever the socket's mode says; who sits on a seat may ask about that. */
function access(seatGid: number | undefined) {
  return { mode: seatGid === undefined ? 0o600 : 0o660, uid: -1, gid: seatGid ?? -1 };
}
/** Sessions told of in one turn of the event loop. */
const BATCH = 256;
/** A request is short. */
const LONGEST_LINE = 4096;

function administrationPath(socket: string): string {
  return `${socket}.admin`;
}

/** The socket beside the pool's own for those who run it: a JSON object a line, requests and answers alike. */
export class Administration {
  readonly #parts: AdministrationParts;
  readonly #listener: Listener;
  readonly #acceptor: Acceptor;
  readonly #visitors = new Set<Socket>();
  readonly #startedAt = new Date();

  static open(parts: AdministrationParts): Administration {
    return new Administration(
      parts,
      listenAt(administrationPath(parts.socket), access(parts.seatGid())),
    );
  }

  private constructor(parts: AdministrationParts, listener: Listener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#acceptor = new Acceptor(listener.fd, {
      connection: (fd) => this.#accept(fd),
      failed: (error) => parts.log.error({ error: error.message }, 'administration has ended'),
    });
    this.#acceptor.resume();
  }

  close(): void {
    this.#acceptor.close();
    this.#listener.removePath();
    for (const visitor of this.#visitors) visitor.destroy();
  }

  #accept(fd: number): void {
    let peer: PeerCredentials;
    try {
      peer = peerCredentials(fd);
    } catch (error) {
      closeFd(fd);
      if (!(error instanceof TlspoolError)) throw error;
      return;
    }
    const visitor = new Socket({ fd });
    this.#visitors.add(visitor);
    visitor.on('close', () => this.#visitors.delete(visitor));
    visitor.on('error', () => visitor.destroy());
    if (!isOwner(peer) && !isSeatMember(peer, this.#parts.seatGid())) refuse(visitor, peer);
    else {
      this.#serve(visitor, peer).catch((error: Error) => {
        this.#parts.log.debug({ error: error.message }, 'a visitor of the administration left');
      });
    }
  }

  async #serve(visitor: Socket, peer: PeerCredentials): Promise<void> {
    for await (const line of lines(visitor)) {
      try {
        const request = readRequest(line);
        const own = request.do === 'my-pins' || request.do === 'my-choices';
        if (!own && !isOwner(peer)) throw mayNot(peer);
        for await (const answer of this.#answers(request, peer)) await write(visitor, answer);
      } catch (error) {
        await write(visitor, errorLine(this.#failure(error)));
      }
      if (visitor.destroyed) return;
    }
    visitor.end();
  }

  /** What the visitor is told; a fault of ours is written down. */
  #failure(error: unknown): TlspoolError {
    if (error instanceof TlspoolError) return error;
    this.#parts.log.error({ err: error }, 'the administration has a fault');
    return tellable(error);
  }

  async *#answers(request: AdministrationRequest, peer: PeerCredentials): AsyncIterable<object> {
    const { pins, keyring } = this.#parts;
    switch (request.do) {
      case 'status':
        yield this.#status();
        return;
      case 'sessions':
        yield* this.#list();
        return;
      case 'close':
        yield this.#close(request.session, request.abort === true);
        return;
      case 'pins':
        yield this.#pins();
        return;
      case 'my-pins':
        yield ownOnly(this.#pins(), peer);
        return;
      case 'choices':
        yield this.#choices();
        return;
      case 'my-choices':
        yield ownOnly(this.#choices(), peer);
        return;
      case 'enter-pin':
        await pins.enter(request.token);
        yield { entered: request.token };
        return;
      case 'lock-token':
        await keyring.lock(keyring.named(request.token));
        yield { locked: request.token };
        return;
      case 'review':
        yield* this.#review(request.apply === true);
    }
  }

  #status(): PoolStatus {
    const { socket, stateDir, sessions, connections, keyring } = this.#parts;
    return {
      pid: process.pid,
      socket,
      stateDir,
      startedAt: this.#startedAt.toISOString(),
      connections: connections.size,
      sessions: sessions.size,
      sessionsTotal: sessions.total,
      openFiles: readdirSync('/proc/self/fd').length,
      tokens: keyring.tokens(),
    };
  }

  async *#list(): AsyncIterable<object> {
    const { sessions, counters } = this.#parts;
    let count = 0;
    for (const { session, attached } of [...sessions.list()]) {
      yield { session: viewSession(session, attached, counters) };
      if (++count % BATCH === 0) await breathe();
    }
    yield { end: true };
  }

  #pins(): PinStatus {
    const { pins } = this.#parts;
    return { holder: viewHolder(pins.holder), needed: pins.view() };
  }

  #choices(): ChoiceStatus {
    const { choices } = this.#parts;
    return { holder: viewHolder(choices.holder), needed: choices.view() };
  }

  async *#review(apply: boolean): AsyncIterable<object> {
    const { sessions, authorisation, refresh } = this.#parts;
    await refresh();
    let count = 0;
    for (const { session } of [...sessions.list()]) {
      const reviewed = reviewSession(authorisation, session);
      if (reviewed !== undefined) {
        if (apply) session.end('abort');
        yield { session: reviewed };
      }
      if (++count % BATCH === 0) await breathe();
    }
    yield { end: true };
  }

  #close(id: string, abort: boolean): object {
    const session = this.#parts.sessions.find(id);
    if (session === undefined) {
      throw new TlspoolError('no-session', `there is no session ${id}`, {
        hint: 'It may have ended; `tlspool sessions list` shows those that are there.',
      });
    }
    session.end(abort ? 'abort' : 'drain');
    return { closed: id };
  }
}

function refuse(visitor: Socket, peer: PeerCredentials): void {
  visitor.end(`${JSON.stringify(errorLine(mayNot(peer)))}\n`);
}

function mayNot({ uid }: PeerCredentials): PosixError {
  return new PosixError('EACCES', `user ${uid} may not administer this pool`);
}

function viewHolder(holder: Holder | undefined): SeatHolder | null {
  if (holder === undefined) return null;
  const { pid, uid, executable } = holder.connection.peer;
  return { pid, uid, user: userName(uid), executable: executable ?? '' };
}

/** What the program in the seat was asked, for that program, and no more. @throws PosixError EACCES */
function ownOnly<Status extends PinStatus | ChoiceStatus>(
  { holder, needed }: Status,
  { pid, uid }: PeerCredentials,
): object {
  if (holder === null || holder.pid !== pid || holder.uid !== uid) {
    throw new PosixError('EACCES', 'this program does not ask people for the pool');
  }
  return { holder, needed: needed.filter(({ asked }) => asked) };
}

function readRequest(line: string): AdministrationRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (cause) {
    throw new TlspoolError('bad-request', 'a request is a JSON object in one line', { cause });
  }
  if (isRequest(request)) return request;
  throw new TlspoolError('bad-request', 'there is no such request');
}

function isRequest(value: unknown): value is AdministrationRequest {
  if (typeof value !== 'object' || value === null || !('do' in value)) return false;
  if (value.do === 'close') return 'session' in value && typeof value.session === 'string';
  if (value.do === 'enter-pin' || value.do === 'lock-token') {
    return 'token' in value && typeof value.token === 'string';
  }
  return plain.has(value.do);
}

const plain: ReadonlySet<unknown> = new Set([
  'status',
  'sessions',
  'review',
  'pins',
  'my-pins',
  'choices',
  'my-choices',
]);

function errorLine({ code, message, hint }: TlspoolError): object {
  return { error: { code, message, hint: hint ?? null } };
}

/** Resolves when the visitor has room for more, or is gone. */
function write(visitor: Socket, answer: object): Promise<void> {
  return new Promise((resolve) => {
    visitor.write(`${JSON.stringify(answer)}\n`, () => resolve());
  });
}

/** Whoever sends a line without end is not listened to any longer. */
async function* lines(visitor: Socket): AsyncIterable<string> {
  let unfinished = '';
  visitor.setEncoding('utf8');
  for await (const chunk of visitor as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n');
    const complete = [unfinished + first, ...others];
    unfinished = complete.pop() ?? '';
    yield* complete;
    if (unfinished.length > LONGEST_LINE) return;
  }
}
