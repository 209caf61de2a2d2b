import type { TlspoolError } from '../../errors.ts';
import { type Attempt, abandonedCode } from './attempt.ts';
import { errnoFor, gaveUp, type Progress } from './failures.ts';
import type { SocketCookie } from './gate.ts';
import { connectionTo, type Goal } from './goal.ts';

/** How a connection that came to nothing did so. */
export interface Failure {
  readonly error: TlspoolError;
  /** The program had it already. */
  readonly completed: boolean;
  readonly progress: Progress;
  /** Date.now() */
  readonly started: number;
}

/** The program's attempts to connect that are underway, by their sockets. */
export class Attempts implements Disposable {
  readonly #lost: (error: TlspoolError, which: string) => void;
  readonly #underway = new Map<SocketCookie, Attempt>();
  #patrol: NodeJS.Timeout | undefined;

  /** @param lost hears of what came to nothing; `which` says what that is, in words */
  constructor(lost: (error: TlspoolError, which: string) => void) {
    this.#lost = lost;
  }

  /** The one that is underway on the socket, if any is. */
  on(socket: SocketCookie): Attempt | undefined {
    return this.#underway.get(socket);
  }

  add(attempt: Attempt): void {
    this.#underway.set(attempt.cookie, attempt);
    this.#patrol ??= setTimeout(() => this.#lookAfterAll(), round).unref();
  }

  /** It is over; another one may have been begun on the same socket. */
  remove(attempt: Attempt): void {
    if (this.#underway.get(attempt.cookie) === attempt) this.#underway.delete(attempt.cookie);
  }

  /** One came to nothing. */
  fail(attempt: Attempt, goal: Goal, { error, completed, progress, started }: Failure): void {
    this.remove(attempt);
    // After that the program's socket ends with the pool's.
    if (!completed) attempt.fail(errnoFor(error));
    const waited = Date.now() - started;
    if (error.code !== abandonedCode) this.#lost(error, connectionTo(goal));
    else if (waited >= noteworthy) this.#lost(gaveUp(waited, progress), connectionTo(goal));
  }

  /** The program dissolves a connection, or the attempt at one. */
  dissolve(socket: SocketCookie): void {
    this.#underway.get(socket)?.dissolve();
    this.#underway.delete(socket);
  }

  /** Gives up all of them. */
  [Symbol.dispose](): void {
    clearTimeout(this.#patrol);
    for (const attempt of this.#underway.values()) attempt.abandon();
  }

  /** Servers need not wait for a program that has lost its patience. */
  #lookAfterAll(): void {
    for (const attempt of this.#underway.values()) attempt.abandonIfClosed();
    this.#patrol =
      this.#underway.size === 0 ? undefined : setTimeout(() => this.#lookAfterAll(), round).unref();
  }
}

/** ms that a program has waited in vain: shorter waits are part of how programs try several addresses (RFC 8305). */
const noteworthy = 2_000;
/** ms between looks at whether programs still wait. */
const round = 1_000;
