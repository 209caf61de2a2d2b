import { connectionLost, errorOf, unexpectedAnswer } from '../../../client/errors.ts';
import { startTlsMessages } from '../../../client/start-tls.ts';
import { EngineEvents } from '../../engine/events.ts';
import { loadNative } from '../../engine/native.ts';
import { closeFd, fromErrno } from '../../engine/sockets.ts';
import type { DepartureEvent } from '../../engine/types.ts';
import { TlspoolError } from '../../errors.ts';
import { decode, encode } from '../../protocol/codec.ts';
import { ChannelBeside } from '../../tunnel/channel-beside.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import type { SocketQuestion } from '../supervisor/traps.ts';
import type { Ask } from './ask.ts';
import { type Attempt, abandoned, type Place } from './attempt.ts';
import { errnos } from './errnos.ts';
import { connectFailure } from './established.ts';
import type { Progress } from './failures.ts';
import { speaksTls } from './speaks-tls.ts';

/** What the engine's thread is told of a departure (src/native/departure/departure.h). */
interface NativeOrder extends Place {
  readonly request: Buffer;
  /** 0: no call waits for the outcome. */
  readonly question: number;
  readonly supervisor: number;
  /** ms */
  readonly patience: number;
}

interface DepartureFunctions {
  departuresStart(): number;
  departuresOpen(departures: number, channel: number): void;
  departuresBegin(departures: number, departure: number, order: NativeOrder): boolean;
  departuresGiveUp(departures: number, departure: number): Progress | undefined;
  departuresMet(departures: number, departure: number, end: number): void;
  departuresClose(departures: number): void;
}

export interface DepartureOrder {
  /** The call that began it. */
  readonly question: SocketQuestion;
  readonly attempt: Attempt;
  readonly ask: Ask;
  /** ms to wait for the program's first word; 0: it is not looked at. */
  readonly patience: number;
  readonly events: DepartureEvents;
}

/** One of these is the last word about a departure. */
export interface DepartureEvents {
  /** The program has its connection, and the pool both ends of TLS. */
  done(spoke: boolean): void;
  /** @param completed the program had its connection already */
  failed(error: TlspoolError, completed: boolean): void;
  /** The program gave it up, and does not have its connection. */
  givenUp(progress: Progress): void;
  /** The program got its connection and is gone, before there was word of that. */
  closed(): void;
}

/**
 * Brings connections that the program makes, once it is decided whom they are meant for, to the pool by a thread of
 * src/native/departure that needs no turn of ours.
 */
export class Departures implements Disposable {
  readonly #native = loadNative<DepartureFunctions>();
  readonly #number = start(this.#native);
  readonly #channel: ChannelBeside;
  readonly #underway = new Map<number, DepartureOrder>();
  readonly #deaf = EngineEvents.instance().onDeparture((event) => this.#hear(event));
  /** What was asked of the pool before, by what it says. */
  readonly #requests = new Map<string, Buffer>();
  #last = 0;

  /**
   * undefined where there are no means for another thread, or the pool takes no other connection or does not know what
   * has to be said to it (`extended`).
   */
  static async open(link: PoolLink): Promise<Departures | undefined> {
    let departures: Departures | undefined;
    try {
      departures = new Departures(link);
      await departures.#channel.open();
      return departures;
    } catch (error) {
      departures?.[Symbol.dispose]();
      if (!(error instanceof TlspoolError)) throw error;
      return undefined;
    }
  }

  private constructor(link: PoolLink) {
    this.#channel = new ChannelBeside(link, (fd) => this.#native.departuresOpen(this.#number, fd));
  }

  /** False where there is no pool to ask, and nothing is begun; else the attempt's socket to the server is taken over. */
  begin(order: DepartureOrder): boolean {
    if (!this.#channel.isOpen) return false;
    const { question, attempt, ask, patience } = order;
    const number = ++this.#last;
    const begun = this.#native.departuresBegin(this.#number, number, {
      ...attempt.place,
      request: this.#requestFor(ask),
      question: question.blocking ? question.question : 0,
      supervisor: question.supervisor,
      patience,
    });
    if (!begun) return false;
    this.#underway.set(number, order);
    attempt.onAbandoned(() => this.#giveUp(number));
    return true;
  }

  /** What is on its way ends, and so do sessions that were not detached. */
  [Symbol.dispose](): void {
    this.#channel[Symbol.dispose]();
    this.#deaf();
    this.#native.departuresClose(this.#number);
    for (const { events } of this.#underway.values()) events.closed();
    this.#underway.clear();
  }

  /** Without a name for the session, which each gets anew. */
  #requestFor(ask: Ask): Buffer {
    const { remoteId, service, timeout, process } = ask;
    const key = `${remoteId} ${service} ${timeout} ${process?.pid} ${process?.started}`;
    const known = this.#requests.get(key);
    if (known) return known;
    const request = Buffer.concat(
      startTlsMessages(ask).map((message) => encode({ requestId: 0, callbackId: 0, message })),
    );
    if (this.#requests.size >= mostRequests) this.#requests.clear();
    this.#requests.set(key, request);
    return request;
  }

  #giveUp(number: number): void {
    const order = this.#underway.get(number);
    const progress = order && this.#native.departuresGiveUp(this.#number, number);
    // Met already, it goes on.
    if (progress === undefined) return;
    this.#underway.delete(number);
    order?.events.givenUp(progress);
  }

  #hear(event: DepartureEvent): void {
    if (event.departures !== this.#number) return;
    if (event.kind === 'ended') {
      this.#channel.lost();
      return;
    }
    const order = this.#underway.get(event.number);
    if (event.kind === 'meet') {
      // Given up while the event was on its way: the thread knows, and nobody else has this end.
      if (order === undefined) closeFd(event.fd);
      else void this.#meet(event.number, event.fd, order);
      return;
    }
    this.#underway.delete(event.number);
    if (event.kind === 'done') order?.events.done(event.spoke);
    else order?.events.failed(failureOf(event), event.met);
  }

  /** Both ends are on their way to each other, or the program's is gone, or another process has it. */
  async #meet(number: number, fd: number, order: DepartureOrder): Promise<void> {
    try {
      const end = await order.attempt.completeWith(fd);
      this.#native.departuresMet(this.#number, number, end);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.#native.departuresGiveUp(this.#number, number);
      if (this.#underway.delete(number)) order.events.failed(error, false);
    }
  }
}

/** Programs and their servers that are remembered at once. */
const mostRequests = 256;

function start(native: DepartureFunctions): number {
  try {
    return native.departuresStart();
  } catch (error) {
    throw fromErrno(error);
  }
}

function failureOf(event: Failure): TlspoolError {
  switch (event.kind) {
    case 'unreachable':
      return connectFailure(event.errno);
    case 'unmet':
      // Nobody waits there any more.
      return event.errno === errnos.ECONNREFUSED ? abandoned() : connectFailure(event.errno);
    case 'unasked':
      return new TlspoolError('no-daemon', 'the pool is away');
    case 'cut':
      return connectionLost('the pool closed it');
    case 'speaksTls':
      return speaksTls;
    case 'unanswerable':
      return new TlspoolError('unexpected-answer', 'the pool asks what nobody here can answer');
    case 'refused': {
      const { message } = decode(event.message);
      return errorOf(message) ?? unexpectedAnswer(message, 'starttls');
    }
  }
}

type Failure = Exclude<DepartureEvent, { kind: 'ended' | 'meet' | 'done' }>;
