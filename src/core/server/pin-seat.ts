import { TlspoolError } from '../errors.ts';
import { PosixError } from '../protocol/errors.ts';
import type { Message, PinEntry } from '../protocol/message.ts';
import { harmless, shorten } from '../seats/harmless.ts';
import type { WaitingSession } from '../seats/waiting-session.ts';
import type { Requester } from '../session/requester.ts';
import type { Log } from '../telemetry/log.ts';
import type { Keyring } from '../token/keyring.ts';
import type { NoPin } from '../token/native-tokens.ts';
import type { PinState } from '../token/pin-state.ts';
import { type Holder, Seat } from './seat.ts';
import { Touches } from './touches.ts';

/** A PIN that is needed, in full: what does not fit in a prompt of 128 bytes. */
export interface PinRequestView {
  readonly token: {
    readonly uri: string;
    readonly label: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly serial: string;
  };
  /** Wrong PINs before this request. */
  readonly attempt: number;
  /** What the token says about further ones; undefined: nothing yet. */
  readonly pinState: PinState | undefined;
  /** Handshakes that wait, the oldest first. */
  readonly waiting: readonly WaitingSession[];
  /** ISO 8601. */
  readonly since: string;
  /** Whether the program in the seat was asked. */
  readonly asked: boolean;
}

/** The part of the keyring that is needed here. */
export type PinKeeper = Pick<Keyring, 'enter' | 'giveUp' | 'waiters' | 'describe' | 'named' | 'on'>;

interface Needed {
  readonly token: string;
  readonly since: Date;
  /** Wrong PINs that were given for it. */
  wrong: number;
  asked: boolean;
  /** A PIN is being tried: its outcome decides. */
  trying: boolean;
  /** Who logs in by hand, and waits for the outcome. */
  readonly told: ((error: TlspoolError | undefined) => void)[];
}

/** ms for a program that does not say how long it may take. */
const PATIENCE = 60_000;
/** Wrong PINs in a row before what waits is refused; whoever comes next is asked for anew. */
const MOST_WRONG = 3;
/** Bytes of the prompt, without its NUL. */
const PROMPT = 127;
const NO_PIN = Buffer.alloc(0);

/** Gets PINs from people, through the program that sits in the seat. One token is asked for at a time. */
export class PinSeat {
  /** Told to the program in the seat. */
  readonly touches: Touches;
  readonly #seat = new Seat('PINENTRY_NOT_VACANT', 'pinEntry');
  readonly #keeper: PinKeeper;
  readonly #waitingFor: (engineIds: readonly number[]) => readonly WaitingSession[];
  readonly #log: Log;
  /** By token, in the order in which they were needed. */
  readonly #needed = new Map<string, Needed>();
  /** Wrong PINs since the last right one, by token. */
  readonly #wrong = new Map<string, number>();

  /** @param waitingFor what is known of sessions, by the engine's numbers */
  constructor(
    keeper: PinKeeper,
    waitingFor: (engineIds: readonly number[]) => readonly WaitingSession[],
    log: Log,
  ) {
    this.#keeper = keeper;
    this.touches = new Touches(keeper);
    this.#waitingFor = waitingFor;
    this.#log = log;
    keeper.on('needs-pin', (token) => this.#need(token));
    keeper.on('settled', (token) => this.#settled(token));
  }

  get holder(): Holder | undefined {
    return this.#seat.holder;
  }

  /** @throws PoolError, PosixError: what the program is answered */
  offer(connection: Requester, requestId: number, message: PinEntry): void {
    if (message.pin.length > 0) {
      message.pin.fill(0);
      throw new PosixError('EINVAL', 'nobody asked for a PIN', 'Offer yourself with an empty pin.');
    }
    this.#seat.offer(connection, requestId, patienceOf(message));
    this.#next();
  }

  /** False if it was not the holder's request. */
  withdraw(connection: Requester, requestId: number): boolean {
    const held = this.#seat.withdraw(connection, requestId);
    if (held) this.#nobodyIsThere();
    return held;
  }

  disconnected(connection: Requester): void {
    if (this.#seat.disconnected(connection)) this.#nobodyIsThere();
  }

  /**
   * Asks for the PIN of a token unless we are logged in, and logs in, whether something waits for it or not. @param token label or URI
   * @throws TokenError `wrong-pin` and others; TlspoolError `no-seat` if nobody can be asked
   */
  async enter(token: string): Promise<void> {
    const uri = this.#keeper.named(token);
    if (this.#keeper.describe(uri).state === 'ready') return;
    if (this.#seat.holder === undefined) {
      throw new TlspoolError('no-seat', 'there is no program that asks for PINs', {
        hint: 'Run `tlspool pin`.',
      });
    }
    const outcome = Promise.withResolvers<TlspoolError | undefined>();
    this.#need(uri).told.push(outcome.resolve);
    const error = await outcome.promise;
    if (error !== undefined) throw error;
  }

  /** What is needed now, in the order in which it is asked for. */
  view(): PinRequestView[] {
    return [...this.#needed.values()].map((needed) => this.#viewOf(needed));
  }

  #need(token: string): Needed {
    const known = this.#needed.get(token);
    if (known !== undefined) return known;
    const needed: Needed = {
      token,
      since: new Date(),
      wrong: 0,
      asked: false,
      trying: false,
      told: [],
    };
    this.#needed.set(token, needed);
    // Whoever called may have something to add before the program is asked.
    queueMicrotask(() => this.#next());
    return needed;
  }

  /** It got its PIN in another way, or is gone. */
  #settled(token: string): void {
    const needed = this.#needed.get(token);
    const { state } = this.#keeper.describe(token);
    if (state === 'ready') this.#wrong.delete(token);
    if (needed === undefined || (needed.told.length > 0 && state !== 'ready')) return;
    this.#finish(needed, undefined);
  }

  #next(): void {
    if (!this.#seat.isFree) return;
    const needed = this.#needed.values().find(({ trying }) => !trying);
    if (needed === undefined) return;
    needed.asked = true;
    this.#seat.call([this.#question(needed)], {
      answered: (message) => this.#answered(needed, message as PinEntry),
      lost: () => {
        needed.asked = false;
        this.touches.end();
        if (this.#seat.holder === undefined) this.#nobodyIsThere();
      },
    });
  }

  #question({ token }: Needed): Message {
    const { label, manufacturer, model, serial } = this.#keeper.describe(token);
    return {
      command: 'pinEntry',
      flags: 0,
      attempt: this.#wrong.get(token) ?? 0,
      timeout: 0,
      pin: NO_PIN,
      prompt: promptFor(this.#waitingFor(this.#keeper.waiters(token))),
      tokenManufacturer: shorten(manufacturer, 35),
      tokenModel: shorten(model, 19),
      tokenSerial: shorten(serial, 19),
      tokenLabel: shorten(label, 35),
    };
  }

  #answered(needed: Needed, { pin }: PinEntry): void {
    needed.asked = false;
    if (this.#needed.get(needed.token) !== needed) {
      // The token got its PIN in another way meanwhile.
      pin.fill(0);
      this.#next();
    } else if (pin.length === 0) {
      this.#log.info({ token: needed.token }, 'the PIN was declined');
      this.#giveUp(needed, 'declined');
    } else void this.#try(needed, pin);
  }

  /** Once; a person gave it. */
  async #try(needed: Needed, pin: Buffer): Promise<void> {
    const { token } = needed;
    needed.trying = true;
    try {
      await this.#keeper.enter(token, pin);
      this.#wrong.delete(token);
      this.#finish(needed, undefined);
    } catch (error) {
      this.#refused(needed, error);
    } finally {
      pin.fill(0);
    }
  }

  #refused(needed: Needed, error: unknown): void {
    const { token } = needed;
    needed.trying = false;
    if (!(error instanceof TlspoolError)) {
      this.#log.error({ token, err: error }, 'fault');
      this.#giveUp(needed, 'seat-lost');
      return;
    }
    if (error.code !== 'wrong-pin' && error.code !== 'pin-malformed') {
      this.#finish(needed, error);
      return;
    }
    needed.wrong += 1;
    this.#wrong.set(token, (this.#wrong.get(token) ?? 0) + 1);
    if (needed.wrong >= MOST_WRONG || this.#seat.holder === undefined) {
      this.#giveUp(needed, 'wrong-pin');
    } else this.#next();
  }

  /** The seat was lost: nobody waits for a PIN that nobody asks for. */
  #nobodyIsThere(): void {
    this.touches.end();
    for (const needed of [...this.#needed.values()]) {
      if (!needed.trying) this.#giveUp(needed, 'seat-lost');
    }
  }

  #giveUp(needed: Needed, why: NoPin): void {
    this.#keeper.giveUp(needed.token, why);
    this.#finish(needed, noPin(needed, why));
  }

  #finish(needed: Needed, error: TlspoolError | undefined): void {
    if (this.#needed.get(needed.token) === needed) this.#needed.delete(needed.token);
    for (const tell of needed.told.splice(0)) tell(error);
    this.#next();
  }

  #viewOf({ token, since, asked }: Needed): PinRequestView {
    const described = this.#keeper.describe(token);
    const { uri, label, manufacturer, model, serial, pinState } = described;
    return {
      token: { uri, label, manufacturer, model, serial },
      attempt: this.#wrong.get(token) ?? 0,
      pinState,
      waiting: this.#waitingFor(this.#keeper.waiters(token)),
      since: since.toISOString(),
      asked,
    };
  }
}

/** µs on the wire. */
function patienceOf({ timeout }: PinEntry): number {
  return timeout === 0 ? PATIENCE : timeout / 1_000;
}

/** Which program of whom wants to be who to whom, as far as it fits. */
function promptFor(waiting: readonly WaitingSession[]): string {
  const [first, ...others] = waiting;
  if (first === undefined) return 'tlspool wants to use a key';
  const { program, localId, remoteId, peer } = first;
  const name = program.executable.split('/').at(-1) || `process ${program.pid}`;
  const parts = [
    `${shorten(harmless(name), 24)} (${shorten(harmless(program.user), 16)})`,
    localId === '' ? '' : `as ${shorten(harmless(localId), 34)}`,
    remoteId === '' && peer === '' ? '' : `to ${shorten(harmless(remoteId || peer), 32)}`,
    others.length === 0 ? '' : `+${others.length}`,
  ];
  return shorten(parts.filter((part) => part !== '').join(' '), PROMPT);
}

function noPin({ token, wrong }: Needed, why: NoPin): TlspoolError {
  if (why === 'seat-lost') {
    return new TlspoolError('pin-seat-lost', 'the program that asks for PINs went away');
  }
  if (wrong === 0) return new TlspoolError('pin-declined', `the PIN of ${token} was not given`);
  const times = wrong === 1 ? '' : `, ${wrong} times`;
  return new TlspoolError('wrong-pin', `the PIN given for ${token} is wrong${times}`);
}
