import { accept, closeFd, type Watch, watch } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';

export interface AcceptorEvents {
  /** A new connection: non-blocking, close-on-exec, and the callee's to close. */
  connection(fd: number): void;
  /** The listener works no more and is closed. */
  failed(error: TlspoolError): void;
}

/** Takes what comes to one address, as long as it is not paused. Starts paused. */
export interface Acceptance {
  resume(): void;
  /** Connections wait in the kernel's queue meanwhile. */
  pause(): void;
  close(): void;
}

/**
 * Accepts from one listening socket, in batches and without a `net.Socket`, so that a connection that is
 * handed over at once leaves nothing behind. Starts paused.
 */
export class Acceptor implements Acceptance {
  readonly #listener: number;
  readonly #events: AcceptorEvents;
  #watch: Watch | undefined;
  #breather: NodeJS.Timeout | undefined;
  #accepting = false;
  #closed = false;

  /** Takes `listener` over. */
  constructor(listener: number, events: AcceptorEvents) {
    this.#listener = listener;
    this.#events = events;
  }

  resume(): void {
    if (this.#closed || this.#accepting) return;
    this.#accepting = true;
    if (!this.#breather) this.#listen();
  }

  pause(): void {
    this.#accepting = false;
    this.#watch?.close();
    this.#watch = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.pause();
    clearTimeout(this.#breather);
    closeFd(this.#listener);
  }

  #listen(): void {
    this.#watch = watch(this.#listener, { readable: true }, () => this.#acceptBatch());
  }

  #acceptBatch(): void {
    for (let taken = 0; taken < largestBatch && this.#accepting; taken++) {
      try {
        const fd = accept(this.#listener);
        if (fd === undefined) return;
        this.#events.connection(fd);
      } catch (error) {
        this.#recover(error);
        return;
      }
    }
  }

  /** accept(2): errors of a connection that went away are no errors of the listener. */
  #recover(error: unknown): void {
    if (!(error instanceof TlspoolError)) throw error;
    if (connectionErrors.has(error.code)) return;
    if (shortages.has(error.code)) {
      this.#breathe();
      return;
    }
    this.close();
    this.#events.failed(error);
  }

  /** Out of descriptors or memory, the listener stays readable: without a pause this would spin. */
  #breathe(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#breather = setTimeout(() => {
      this.#breather = undefined;
      if (this.#accepting) this.#listen();
    }, breather);
  }
}

/** Other work gets its turn after so many connections. */
const largestBatch = 64;
/** ms */
const breather = 100;

const shortages: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
const connectionErrors: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EINTR',
  'ENETDOWN',
  'ENETUNREACH',
  'ENONET',
  'ENOPROTOOPT',
  'EPERM',
  'EPROTO',
]);
