import { closeFd } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { PoolError, type PoolErrorName } from '../protocol/errors.ts';
import type { Message } from '../protocol/message.ts';
import type { Answer, Callback, Requester } from '../session/requester.ts';

/** Who sits on a seat: the request by which it offered itself, on its connection. */
export interface Holder {
  readonly connection: Requester;
  readonly requestId: number;
}

type State =
  | { readonly is: 'vacant' }
  /** A program waits to be asked. */
  | { readonly is: 'offered'; readonly holder: Holder; readonly patience: number }
  /** It was asked, and nobody else gets the seat before `until`. */
  | {
      readonly is: 'called';
      readonly holder: Holder;
      readonly patience: number;
      readonly until: number;
      readonly callback: Callback;
      readonly lost: () => void;
    };

/** What a call to the holder comes to. */
export interface Call {
  /** It answered; it holds the seat still, and may be called again. Unless this throws: then it loses the seat. */
  answered(message: Message): void;
  /** It will not: it went, withdrew, answered something else, or was late and another took its place. */
  lost(): void;
}

/**
 * The place of the one program that asks people for the pool. A program offers itself by a request that is not
 * answered: it is called instead, and its answer renews the offer.
 */
export class Seat {
  readonly #occupied: PoolErrorName;
  /** Commands that answer a call. */
  readonly #answer: Message['command'];
  #state: State = { is: 'vacant' };

  /** @param occupied what a second program is told */
  constructor(occupied: PoolErrorName, answer: Message['command']) {
    this.#occupied = occupied;
    this.#answer = answer;
  }

  /** Who sits there, whether it waits or was called. */
  get holder(): Holder | undefined {
    return this.#state.is === 'vacant' ? undefined : this.#state.holder;
  }

  /** Whether someone waits to be called. */
  get isFree(): boolean {
    return this.#state.is === 'offered';
  }

  /** Whether it was called, and has taken longer than it may: another may take its place. */
  get isOverdue(): boolean {
    return this.#state.is === 'called' && performance.now() >= this.#state.until;
  }

  /**
   * @param patience ms that it has for an answer before another may take its place
   * @throws PoolError if another program has the seat
   */
  offer(connection: Requester, requestId: number, patience: number): void {
    const state = this.#state;
    if (state.is !== 'vacant' && !this.isOverdue) {
      throw new PoolError(
        this.#occupied,
        'another program does that already',
        'End it first, or wait until it has.',
      );
    }
    this.#state = { is: 'offered', holder: { connection, requestId }, patience };
    if (state.is !== 'called') return;
    state.callback.cancel();
    const { connection: before, requestId: itsRequest } = state.holder;
    before.fail(
      itsRequest,
      new PoolError(this.#occupied, 'no answer came in time, and another program took the seat'),
    );
    state.lost();
  }

  /** Asks the holder, which `isFree`. Messages in front of the last one need no answer. */
  call(messages: readonly Message[], { answered, lost }: Call): void {
    const state = this.#state;
    if (state.is !== 'offered') throw new TypeError('Nobody waits to be called.');
    const { holder, patience } = state;
    const question = messages.at(-1);
    if (question === undefined) throw new TypeError('There is no question.');
    // Each has an id of its own, as programs answer each; what they answer to those in front goes nowhere.
    for (const message of messages.slice(0, -1)) {
      holder.connection.call(holder.requestId, [message], drop).cancel();
    }
    const callback = holder.connection.call(holder.requestId, [question], (answer) => {
      if (this.#state.is !== 'called' || this.#state.callback !== callback) return drop(answer);
      this.#answered(answer, answered, lost);
    });
    const until = performance.now() + patience;
    this.#state = { is: 'called', holder, patience, until, callback, lost };
  }

  /** The holder does not want to be asked (any more). False if it was not the holder's request. */
  withdraw(connection: Requester, requestId: number): boolean {
    const { holder } = this;
    if (holder?.connection !== connection || holder.requestId !== requestId) return false;
    this.#vacate();
    return true;
  }

  /** True if it was the holder's connection that ended. */
  disconnected(connection: Requester): boolean {
    if (this.holder?.connection !== connection) return false;
    this.#vacate();
    return true;
  }

  #answered(answer: Answer, answered: Call['answered'], lost: () => void): void {
    const state = this.#state;
    if (state.is !== 'called') return;
    const { holder, patience } = state;
    const { message } = answer;
    drop(answer);
    const { connection, requestId } = holder;
    try {
      if (message?.command !== 'error') {
        if (message?.command !== this.#answer) throw badAnswer(message, this.#answer);
        this.#state = { is: 'offered', holder, patience };
        answered(message);
        return;
      }
      connection.respond(requestId, { command: 'success' });
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      connection.fail(requestId, error);
    }
    this.#state = { is: 'vacant' };
    lost();
  }

  #vacate(): void {
    const state = this.#state;
    this.#state = { is: 'vacant' };
    if (state.is !== 'called') return;
    state.callback.cancel();
    state.lost();
  }
}

function drop({ fds }: Answer): void {
  for (const fd of fds) closeFd(fd);
}

function badAnswer(message: Message | undefined, expected: string): PoolError {
  const got = message === undefined ? 'a malformed message' : message.command;
  return new PoolError(
    'COMMAND_BAD_CALLBACK_RESPONSE',
    `expected the answer ${expected}, got ${got}`,
  );
}
