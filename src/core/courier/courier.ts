import { getSystemErrorName } from 'node:util';
import { connectionLost, errorOf, unexpectedAnswer } from '../../client/errors.ts';
import { type StartTlsOrder, startTlsMessages } from '../../client/start-tls.ts';
import { EngineEvents } from '../engine/events.ts';
import { loadNative } from '../engine/native.ts';
import { fromErrno } from '../engine/sockets.ts';
import type { CourierEvent } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { decode, encode } from '../protocol/codec.ts';
import { type ProgramQuestion, writeProgramQuestion } from '../protocol/extension.ts';
import type { Message } from '../protocol/message.ts';
import { ChannelBeside } from '../tunnel/channel-beside.ts';
import { type Endpoint, formatEndpoint, isAddress } from '../tunnel/endpoint.ts';
import type { IntakeEvents } from '../tunnel/intake.ts';
import type { PoolLink } from '../tunnel/pool-link.ts';

interface CourierFunctions {
  courierStart(): number;
  courierOpen(courier: number, channel: number): void;
  courierServe(courier: number, id: number, order: NativeOrder): void;
  courierStop(courier: number, id: number): void;
  courierAsk(courier: number, question: number, message: Buffer): void;
  courierClose(courier: number): void;
}

interface NativeOrder {
  readonly listeners: readonly number[];
  readonly request: Buffer;
  readonly limit: number;
  readonly target: ({ readonly name: string } & Endpoint) | undefined;
}

export interface CourierOrder {
  /** Where clients come to; taken over. */
  readonly listeners: readonly number[];
  /** What is asked of the pool for each of them. */
  readonly ask: StartTlsOrder;
  /** Where plaintext goes to (`isReachable`); undefined: to the program's own listener in the private network. */
  readonly target?: Endpoint | undefined;
  /** How many may be on their way at once; more wait in the kernel's queue. */
  readonly limit: number;
  readonly events: IntakeEvents;
}

/** Whether a courier can connect there: nothing has to be looked up for it, now or later. */
export function isReachable(target: Endpoint): boolean {
  if (target.kind === 'unix') return true;
  return isAddress(target.host) && !target.host.includes('%');
}

/**
 * Brings clients to the pool, and from there to a target or to a program's own listener in the private network, by a thread
 * of src/native/courier that needs no turn of ours. It has a connection to the pool of its own, which is opened again when
 * the pool comes back. While it is open, it keeps the process alive.
 */
export class Courier implements Disposable {
  readonly #native = loadNative<CourierFunctions>();
  readonly #number = start(this.#native);
  readonly #channel: ChannelBeside;
  readonly #intakes = new Map<number, CourierIntake>();
  readonly #questions = new Map<number, Question>();
  readonly #deaf = EngineEvents.instance().onCourier((event) => this.#hear(event));
  #last = 0;
  #closed = false;

  /**
   * undefined where there are no means for another thread, or the pool takes no other connection or does not know what
   * has to be said to it (`extended`).
   */
  static async open(link: PoolLink): Promise<Courier | undefined> {
    let courier: Courier | undefined;
    try {
      courier = new Courier(link);
      await courier.#channel.open();
      return courier;
    } catch (error) {
      courier?.[Symbol.dispose]();
      if (!(error instanceof TlspoolError)) throw error;
      return undefined;
    }
  }

  private constructor(link: PoolLink) {
    this.#channel = new ChannelBeside(link, (fd) => this.#native.courierOpen(this.#number, fd));
    EngineEvents.instance().hold();
  }

  serve({ listeners, ask, target, limit, events }: CourierOrder): CourierIntake {
    const number = ++this.#last;
    const request = Buffer.concat(
      startTlsMessages(ask).map((message) => encode({ requestId: 0, callbackId: 0, message })),
    );
    const stop = () => this.#native.courierStop(this.#number, number);
    const intake = new CourierIntake(stop, events);
    this.#intakes.set(number, intake);
    this.#native.courierServe(this.#number, number, {
      listeners,
      request,
      limit,
      target: target && { ...target, name: formatEndpoint(target) },
    });
    return intake;
  }

  /**
   * May a process that descends from this one act as local identities, and is it, as it is now, to be judged for clients
   * that come later (PoolConnection.judge)? @throws TlspoolError EACCES
   */
  async judge(question: ProgramQuestion): Promise<void> {
    if (this.#closed) throw connectionLost('it was closed here');
    const number = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#questions.set(number, { resolve, reject });
    const message = writeProgramQuestion(question);
    const bytes = encode({ requestId: 0, callbackId: 0, message });
    this.#native.courierAsk(this.#number, number, bytes);
    const answer = await promise;
    if (answer.command === 'success') return;
    throw errorOf(answer) ?? unexpectedAnswer(answer, 'program');
  }

  /** Whether there is a pool to ask. */
  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  /** What is on its way ends, and so do sessions that were not detached. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    EngineEvents.instance().release();
    this.#channel[Symbol.dispose]();
    this.#deaf();
    for (const { reject } of this.#questions.values()) reject(connectionLost('it was closed here'));
    this.#native.courierClose(this.#number);
  }

  #hear(event: CourierEvent): void {
    if (event.courier !== this.#number) return;
    if (event.kind === 'ended') {
      this.#channel.lost();
      return;
    }
    if (event.kind === 'answered' || event.kind === 'unanswered') {
      const asked = this.#questions.get(event.question);
      this.#questions.delete(event.question);
      if (event.kind === 'answered') asked?.resolve(decode(event.message).message);
      else asked?.reject(connectionLost('the pool closed it'));
      return;
    }
    this.#intakes.get(event.listener)?.hear(event);
    if (event.kind === 'idle') this.#intakes.delete(event.listener);
  }
}

interface Question {
  resolve(answer: Message): void;
  reject(error: TlspoolError): void;
}

/** Listeners whose clients a courier takes, as an `Intake` does. */
export class CourierIntake {
  readonly #stop: () => void;
  readonly #events: IntakeEvents;
  readonly #idle = Promise.withResolvers<void>();
  #closed = false;

  constructor(stop: () => void, events: IntakeEvents) {
    this.#stop = stop;
    this.#events = events;
  }

  /**
   * Stops listening, and telling of what is lost from now on. Resolves when nothing is on its way any more, which may take
   * as long as a handshake.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    return this.#idle.promise;
  }

  /** For the courier. */
  hear(event: AboutListener): void {
    if (event.kind === 'idle') this.#idle.resolve();
    if (this.#closed || event.kind === 'idle') return;
    if (event.kind === 'failed') this.#events.failed(listenerFailed(event.errno));
    else this.#events.lost(lossOf(event));
  }
}

function start(native: CourierFunctions): number {
  try {
    return native.courierStart();
  } catch (error) {
    throw fromErrno(error);
  }
}

type AboutListener = Extract<CourierEvent, { listener: number }>;
type Loss = Extract<CourierEvent, { kind: 'lost' | 'refused' | 'cut' }>;

function lossOf(loss: Loss): TlspoolError {
  if (loss.kind === 'cut') return connectionLost('the pool closed it');
  if (loss.kind === 'lost') return new TlspoolError(loss.code, loss.text, { wire: loss.errno });
  const { message } = decode(loss.message);
  return errorOf(message) ?? unexpectedAnswer(message, 'starttls');
}

function listenerFailed(errno: number): TlspoolError {
  const code = getSystemErrorName(-errno);
  return new TlspoolError(code, `cannot accept: ${code}`, { wire: errno });
}
