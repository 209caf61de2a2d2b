import type { PinEntry } from '../core/protocol/message.ts';
import type { PinAsker, PinQuestion } from '../core/seats/pin-question.ts';
import { pins } from './administration.ts';
import { connect } from './connect.ts';
import type { PoolConnection } from './pool-connection.ts';

export interface PinSeatOptions {
  /** The pool's socket, as for `connect`. */
  readonly socket: string;
  /** Gets a PIN; it is wiped when it was sent. undefined declines. What it throws withdraws the offer. */
  readonly ask: PinAsker;
  /** Withdraws the offer. */
  readonly signal: AbortSignal;
}

/** The seat of PINENTRY, while it is ours. */
export interface PinSeat extends Disposable {
  /** Resolves when the offer was withdrawn; rejects with what the pool refuses, or with what `ask` threw. */
  readonly ended: Promise<void>;
}

/** ms that a person may take before another program may have the seat. */
const PATIENCE = 10 * 60_000;
const NO_PIN = Buffer.alloc(0);

/** Takes the seat: from now on people are asked by `ask`. @throws TlspoolError `no-daemon` (exit code 3) */
export async function takePinSeat(options: PinSeatOptions): Promise<PinSeat> {
  const { socket, ask, signal } = options;
  const pool = await connect({ socket, signal });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const offer = pool.offer(pinEntry(NO_PIN), (question, answer) => {
    if (question.command !== 'pinEntry') return;
    inFull(question, socket)
      .then((whole) => ask(whole, signal))
      .then((pin) => answerWith(pin ?? NO_PIN, answer))
      .catch((error: unknown) => {
        offer.withdraw();
        failed.reject(error);
      });
  });
  const giveBack = () => offer.withdraw();
  signal.addEventListener('abort', giveBack, { once: true });
  if (signal.aborted) giveBack();
  const ended = Promise.race([offer.ended, failed.promise]).finally(() => {
    signal.removeEventListener('abort', giveBack);
    pool.close();
  });
  ended.catch(() => undefined);
  await settleOffer(pool);
  return { ended, [Symbol.dispose]: () => pool.close() };
}

/** The pool serves a connection's requests in order: once this is answered, the offer was taken or refused. */
async function settleOffer(pool: PoolConnection): Promise<void> {
  await pool.ping().catch(() => undefined);
}

function answerWith(pin: Buffer, answer: (message: PinEntry) => void): void {
  try {
    answer(pinEntry(pin));
  } finally {
    pin.fill(0);
  }
}

/** What a person must see of it does not fit in the message. */
async function inFull(question: PinEntry, socket: string): Promise<PinQuestion> {
  const { needed } = await pins({ socket, own: true });
  const request = needed[0];
  return {
    prompt: question.prompt,
    attempt: question.attempt,
    token: request?.token ?? {
      uri: '',
      label: question.tokenLabel,
      manufacturer: question.tokenManufacturer,
      model: question.tokenModel,
      serial: question.tokenSerial,
    },
    pinState: request?.pinState,
    waiting: request?.waiting ?? [],
  };
}

function pinEntry(pin: Buffer): PinEntry {
  return {
    command: 'pinEntry',
    flags: 0,
    attempt: 0,
    timeout: PATIENCE * 1_000,
    pin,
    prompt: '',
    tokenManufacturer: '',
    tokenModel: '',
    tokenSerial: '',
    tokenLabel: '',
  };
}
