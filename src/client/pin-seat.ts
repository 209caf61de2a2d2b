import type { PinEntry } from '../core/protocol/message.ts';
import type { PinAsker, PinQuestion } from '../core/seats/pin-question.ts';
import type { TouchView } from '../core/server/touches.ts';
import { pins, touches } from './administration.ts';
import { connect } from './connect.ts';
import { holdSeat, type Seat } from './hold-seat.ts';

export interface PinSeatOptions {
  /** The pool's socket, as for `connect`. */
  readonly socket: string;
  /** Gets a PIN; it is wiped when it was sent. undefined declines. What it throws withdraws the offer. */
  readonly ask: PinAsker;
  /** A token seems to wait for a person's touch, or does no more. */
  readonly touch?: (touch: TouchView) => void;
  /** Withdraws the offer. */
  readonly signal: AbortSignal;
}

/** ms that a person may take before another program may have the seat. */
const PATIENCE = 10 * 60_000;
const NO_PIN = Buffer.alloc(0);

/** Takes the seat: from now on people are asked by `ask`. @throws TlspoolError `no-daemon` (exit code 3) */
export async function takePinSeat(options: PinSeatOptions): Promise<Seat> {
  const { socket, ask, touch, signal } = options;
  const pool = await connect({ socket, signal });
  const seat = await holdSeat(pool, {
    offer: pinEntry(NO_PIN),
    ask: async (question, patience) => {
      if (question.command !== 'pinEntry') return undefined;
      const pin = await ask(await inFull(question, socket), patience);
      return pinEntry(pin ?? NO_PIN);
    },
    wipe: (answer) => (answer as PinEntry).pin.fill(0),
    signal,
  });
  if (touch !== undefined) void tellTouches(socket, touch, seat);
  return seat;
}

/** Until the seat is lost, which says by itself what went wrong. */
async function tellTouches(
  socket: string,
  touch: (touch: TouchView) => void,
  { ended }: Seat,
): Promise<void> {
  const over = new AbortController();
  ended.catch(() => undefined).finally(() => over.abort());
  try {
    for await (const each of touches({ socket, signal: over.signal })) touch(each);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
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
