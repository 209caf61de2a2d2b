import { accept, closeFd } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { PausableWatch } from './pausable-watch.ts';

export interface AcceptorEvents {
  /**
   * A new connection: non-blocking, close-on-exec, and the callee's to close.
   * @param hello of datagrams: what was read from it already
   */
  connection(fd: number, hello?: Buffer): void;
  /** The listener works no more and is closed. */
  failed(error: TlspoolError): void;
}

/** Of an acceptor that may make nothing of who comes. */
export interface MeetingEvents extends AcceptorEvents {
  /** One connection came to nothing. */
  lost(error: TlspoolError): void;
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
  readonly #watch: PausableWatch;

  /** Takes `listener` over. */
  constructor(listener: number, events: AcceptorEvents) {
    this.#listener = listener;
    this.#events = events;
    this.#watch = new PausableWatch(listener, () => this.#acceptBatch());
  }

  resume(): void {
    this.#watch.resume();
  }

  pause(): void {
    this.#watch.pause();
  }

  close(): void {
    if (this.#watch.closed) return;
    this.#watch.close();
    closeFd(this.#listener);
  }

  #acceptBatch(): void {
    for (let taken = 0; taken < largestBatch && this.#watch.watching; taken++) {
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
      this.#watch.breathe();
      return;
    }
    this.close();
    this.#events.failed(error);
  }
}

/** Other work gets its turn after so many connections. */
export const largestBatch = 64;

/** Of descriptors or memory: later there may be some. */
export const shortages: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
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
