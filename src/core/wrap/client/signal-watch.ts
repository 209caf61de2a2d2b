import { signalWaits } from '../../engine/process.ts';

/**
 * Notices signals for threads that wait in a trapped call. The kernel lets such a call be ended by fatal signals alone
 * (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), so that no answer gets lost; one that the program handles has to be seen, and
 * the call ended as if by it, for EINTR and SA_RESTART to come out as in connect(2).
 */
export class SignalWatch {
  readonly #threads = new Map<object, { readonly thread: number; readonly came: () => void }>();
  #timer: NodeJS.Timeout | undefined;

  /** @returns ends the watch */
  add(thread: number, came: () => void): () => void {
    const key = {};
    this.#threads.set(key, { thread, came });
    this.#timer ??= setTimeout(() => this.#look(), shortestPause);
    return () => this.#threads.delete(key);
  }

  #look(): void {
    for (const { thread, came } of [...this.#threads.values()]) {
      if (signalWaits(thread)) came();
    }
    // Many threads that wait must not cost more than few.
    const pause = Math.max(shortestPause, this.#threads.size);
    this.#timer = this.#threads.size === 0 ? undefined : setTimeout(() => this.#look(), pause);
  }
}

/** ms */
const shortestPause = 20;
