import { type Watch, watch } from '../engine/sockets.ts';

/** Watches for what comes to a listening socket, as long as it is not paused. Starts paused. */
export class PausableWatch {
  readonly #ready: () => void;
  #listener: number;
  #watch: Watch | undefined;
  #breather: NodeJS.Timeout | undefined;
  #watching = false;
  #closed = false;

  /** @param ready called while there is something to take */
  constructor(listener: number, ready: () => void) {
    this.#listener = listener;
    this.#ready = ready;
  }

  /** Whether it is neither paused nor closed. */
  get watching(): boolean {
    return this.#watching;
  }

  get closed(): boolean {
    return this.#closed;
  }

  resume(): void {
    if (this.#closed || this.#watching) return;
    this.#watching = true;
    this.#start();
  }

  pause(): void {
    this.#watching = false;
    this.#stop();
  }

  /** For good; the socket stays the caller's. */
  close(): void {
    this.#closed = true;
    this.pause();
    clearTimeout(this.#breather);
  }

  /** Watches another socket from now on. */
  turnTo(listener: number): void {
    this.#stop();
    this.#listener = listener;
    this.#start();
  }

  /** Out of descriptors or memory, a listener stays ready: without a pause this would spin. */
  breathe(): void {
    this.#stop();
    this.#breather = setTimeout(() => {
      this.#breather = undefined;
      this.#start();
    }, breather);
  }

  #start(): void {
    if (!this.#watching || this.#breather) return;
    this.#watch = watch(this.#listener, { readable: true }, this.#ready);
  }

  #stop(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }
}

/** ms */
const breather = 100;
