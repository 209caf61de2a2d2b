import { PosixError } from '../protocol/errors.ts';
import type { Answer, Callback } from '../session/requester.ts';

/** Cancelled callbacks whose answers are still waited for: a program that times out answers late, or never. */
const MOST_CANCELLED = 1024;
const HIGHEST_ID = 0xffff;

type Answered = (answer: Answer) => void;

/** The questions that the pool asked on one connection, by `pio_cbid`. */
export class Callbacks {
  readonly #waiting = new Map<number, Answered>();
  /** Insertion order is age. */
  readonly #cancelled = new Set<number>();
  #last = 0;

  /** @throws PosixError EAGAIN if all ids are taken */
  add(answered: Answered): { id: number; callback: Callback } {
    const id = this.#freeId();
    this.#waiting.set(id, answered);
    return { id, callback: { cancel: () => this.#cancel(id) } };
  }

  /** What to call with the answer to this id; 'late': drop the answer; undefined: nobody asked. */
  take(id: number): Answered | 'late' | undefined {
    if (this.#cancelled.delete(id)) return 'late';
    const answered = this.#waiting.get(id);
    this.#waiting.delete(id);
    return answered;
  }

  #cancel(id: number): void {
    if (!this.#waiting.delete(id)) return;
    this.#cancelled.add(id);
    if (this.#cancelled.size <= MOST_CANCELLED) return;
    for (const oldest of this.#cancelled) {
      this.#cancelled.delete(oldest);
      return;
    }
  }

  #freeId(): number {
    if (this.#waiting.size + this.#cancelled.size >= HIGHEST_ID) {
      throw new PosixError('EAGAIN', 'too many callbacks wait for their answer', 'Answer some.');
    }
    do {
      this.#last = this.#last === HIGHEST_ID ? 1 : this.#last + 1;
    } while (this.#waiting.has(this.#last) || this.#cancelled.has(this.#last));
    return this.#last;
  }
}
