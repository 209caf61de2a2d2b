import { signalWaits } from '../../engine/process.ts';

/**
 * Notices signals for threads that wait in a trapped call. The kernel lets such a call be ended by fatal signals alone
 * (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), so that no answer gets lost; one that the program handles has to be seen, and
 * the call ended as if by it, for EINTR and SA_RESTART to come out as in connect(2).
 */
export class SignalWatch {
  readonly #waiting = new Map<object, Waiting>();
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @returns ends the watch */
  add(thread: number, came: () => void): () => void {
    const key = {};
    this.#waiting.set(key, { thread, came, since: this.#looks });
    this.#timer ??= setTimeout(() => this.#look(), shortestPause);
    return () => this.#waiting.delete(key);
  }

  #look(): void {
    for (const { thread, came, since } of [...this.#waiting.values()]) {
      // What has just begun to wait may be over before the next look.
      if (since < this.#looks && signalWaits(thread)) came();
    }
    this.#looks += 1;
    // Many threads that wait must not cost more than few.
    const pause = Math.max(shortestPause, this.#waiting.size);
    this.#timer = this.#waiting.size === 0 ? undefined : setTimeout(() => this.#look(), pause);
  }
}

interface Waiting {
  readonly thread: number;
  readonly came: () => void;
  /** Looks that there had been when it began. */
  readonly since: number;
}

/** ms */
const shortestPause = 20;
