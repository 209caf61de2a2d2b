import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Concern } from '../concerns/concern.ts';
import { tokenConcerns } from '../concerns/token-concerns.ts';
import type { Engine } from '../engine/engine.ts';
import { closeFd, type PeerCredentials, peerCredentials } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { PosixError } from '../protocol/errors.ts';
import type { Authoriser } from '../session/admission.ts';
import { tellable } from '../session/outcome.ts';
import type { Shown } from '../store/review-wishes.ts';
import type { Log } from '../telemetry/log.ts';
import type { Keyring } from '../token/keyring.ts';
import { Acceptor } from '../tunnel/acceptor.ts';
import {
  type AdministrationRequest,
  type ChoiceStatus,
  type PinStatus,
  type PoolStatus,
  readRequest,
  type SeatHolder,
} from './administration-messages.ts';
import type { Connections } from './connections.ts';
import type { IdentitySeat } from './identity-seat.ts';
import { type Listener, listenAt } from './listener.ts';
import type { PinSeat } from './pin-seat.ts';
import { reviewSession } from './review.ts';
import type { Holder } from './seat.ts';
import { isOwner, isSeatMember } from './seat-access.ts';
import { viewSession } from './session-view.ts';
import type { Sessions } from './sessions.ts';
import { sessionsShowing } from './shown.ts';
import { userName } from './user-name.ts';

export interface AdministrationParts {
  readonly version: string;
  readonly socket: string;
  readonly stateDir: string;
  readonly sessions: Sessions;
  readonly connections: Connections;
  readonly keyring: Pick<Keyring, 'tokens' | 'named' | 'lock'>;
  readonly pins: Pick<PinSeat, 'holder' | 'view' | 'enter' | 'touches'>;
  readonly choices: Pick<IdentitySeat, 'holder' | 'view'>;
  /** Whose members may ask about their own seat; undefined: nobody's. */
  readonly seatGid: () => number | undefined;
  readonly engine: Pick<Engine, 'counters' | 'certificates'>;
  readonly authorisation: Authoriser;
  /** Besides those about tokens. */
  readonly concerns: () => Promise<readonly Concern[]>;
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
        if (!request.do.startsWith('my-') && !isOwner(peer)) throw mayNot(peer);
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
        yield await this.#status();
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
      case 'my-touches':
        ownOnly(this.#pins(), peer);
        for await (const touch of pins.touches.watch()) yield { touch };
        yield { end: true };
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
        return;
      case 'end-shown':
        yield* this.#endShown(request);
    }
  }

  async #status(): Promise<PoolStatus> {
    const { version, socket, stateDir, sessions, connections, keyring, pins } = this.#parts;
    const tokens = keyring.tokens();
    const asked = pins.holder !== undefined;
    return {
      version,
      pid: process.pid,
      socket,
      stateDir,
      startedAt: this.#startedAt.toISOString(),
      connections: connections.size,
      sessions: sessions.size,
      sessionsTotal: sessions.total,
      openFiles: readdirSync('/proc/self/fd').length,
      tokens,
      concerns: [...(await this.#parts.concerns()), ...tokenConcerns(tokens, asked)],
    };
  }

  async *#list(): AsyncIterable<object> {
    const { sessions, engine } = this.#parts;
    let count = 0;
    for (const { session, attached } of [...sessions.list()]) {
      yield { session: viewSession(session, attached, (id) => engine.counters(id)) };
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

  async *#endShown({ kind, value }: Shown): AsyncIterable<object> {
    const { sessions, engine } = this.#parts;
    for await (const session of sessionsShowing(sessions, engine, [{ kind, value }])) {
      session.end('abort');
      yield { ended: session.facts.id };
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
