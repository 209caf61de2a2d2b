import type { PoolSettings } from '../config/settings.ts';
import { closeFd } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { PoolError } from '../protocol/errors.ts';
import { readClearTextQuestion, readProgramQuestion } from '../protocol/extension.ts';
import { facilities, POOL_IDENTITY } from '../protocol/flags.ts';
import type { Message, MessageOf } from '../protocol/message.ts';
import { answerInfo, answerPrng, type RunningSession } from '../session/questions.ts';
import type { SessionEngine } from '../session/services.ts';
import type { Session } from '../session/session.ts';
import type { Log } from '../telemetry/log.ts';
import type { Connection, RawStartTls, Requests } from './connection.ts';
import type { IdentitySeat } from './identity-seat.ts';
import type { PinSeat } from './pin-seat.ts';
import { requireSeatAccess } from './seat-access.ts';
import type { Sessions } from './sessions.ts';

/** Whom requests are passed on to. */
export interface Asked {
  readonly sessions: Sessions;
  readonly pins: PinSeat;
  readonly choices: IdentitySeat;
}

/** What programs ask of a pool, and where the answers come from. */
export class PoolRequests implements Requests {
  readonly #sessions: Sessions;
  readonly #pins: PinSeat;
  readonly #choices: IdentitySeat;
  readonly #engine: SessionEngine;
  readonly #settings: () => PoolSettings;
  readonly #log: Log;

  constructor(
    { sessions, pins, choices }: Asked,
    engine: SessionEngine,
    settings: () => PoolSettings,
    log: Log,
  ) {
    this.#sessions = sessions;
    this.#pins = pins;
    this.#choices = choices;
    this.#engine = engine;
    this.#settings = settings;
    this.#log = log;
  }

  ping(message: MessageOf<'ping'>): MessageOf<'ping'> {
    const offered = (this.#settings().facilities | facilities.extension) & message.facilities;
    return { command: 'ping', identity: POOL_IDENTITY, facilities: offered >>> 0 };
  }

  startTls(connection: Connection, request: RawStartTls): void {
    if ((this.#settings().facilities & facilities.startTls) === 0) {
      if (request.fd !== undefined) closeFd(request.fd);
      throw new PoolError('FACILITY_STARTTLS', 'the configuration denies STARTTLS');
    }
    this.#sessions.start(connection, request);
  }

  async program(connection: Connection, message: MessageOf<'program'>): Promise<Message> {
    await this.#sessions.judge(connection, readProgramQuestion(message));
    return { command: 'success' };
  }

  async clearText(connection: Connection, message: MessageOf<'clearText'>): Promise<Message> {
    await this.#sessions.admitClear(connection, readClearTextQuestion(message));
    return { command: 'success' };
  }

  async prng(connection: Connection, message: MessageOf<'prng'>): Promise<Message> {
    const session = this.#sessions.attached(message.buffer.subarray(0, 16), connection);
    return answerPrng(this.#engine, running(session).engineId, message);
  }

  async info(connection: Connection, message: MessageOf<'info'>): Promise<Message> {
    return answerInfo(this.#engine, this.#ownSession(connection, message.ctlkey), message);
  }

  detach(connection: Connection, { ctlkey }: MessageOf<'detach'>): void {
    this.#sessions.detach(ctlkey, connection);
  }

  reattach(connection: Connection, { ctlkey }: MessageOf<'reattach'>): Promise<void> | undefined {
    return this.#sessions.reattach(ctlkey, connection);
  }

  offerPins(connection: Connection, requestId: number, message: MessageOf<'pinEntry'>): void {
    requireSeatAccess(connection.peer, this.#settings().seatGid);
    this.#pins.offer(connection, requestId, message);
  }

  offerChoices(
    connection: Connection,
    requestId: number,
    message: MessageOf<'lidEntryRegister'>,
  ): void {
    requireSeatAccess(connection.peer, this.#settings().seatGid);
    this.#choices.register(connection, requestId, message);
  }

  withdraw(connection: Connection, requestId: number): boolean {
    return (
      this.#pins.withdraw(connection, requestId) || this.#choices.withdraw(connection, requestId)
    );
  }

  withdrawStartTls(connection: Connection, { ctlkey }: MessageOf<'withdraw'>): void {
    this.#sessions.withdraw(ctlkey, connection);
  }

  fault(error: unknown): void {
    this.#log.error({ err: error }, 'fault');
  }

  closed(connection: Connection, error: Error | undefined): void {
    if (error !== undefined) {
      const { pid, uid } = connection.peer;
      this.#log.warn({ pid, uid, error: error.message }, 'a program broke its connection');
    }
    this.#sessions.disconnected(connection);
    this.#pins.disconnected(connection);
    this.#choices.disconnected(connection);
  }

  /** INFO tells nobody else that there is such a session. */
  #ownSession(connection: Connection, ctlkey: Buffer): RunningSession {
    try {
      return running(this.#sessions.attached(ctlkey, connection));
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      throw notHere();
    }
  }
}

function running(session: Session): RunningSession {
  if (session.running === undefined) throw notHere();
  return session.running;
}

function notHere(): PoolError {
  return new PoolError('CTLKEY_NOT_FOUND', 'no session of this connection has this ctlkey');
}
