import { closeFd } from '../engine/sockets.ts';
import type { TlspoolError } from '../errors.ts';
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

/** Takes what comes to one listening socket, as long as it is not paused. Starts paused. */
export abstract class Acceptance<Events extends AcceptorEvents = AcceptorEvents> {
  protected readonly events: Events;
  protected readonly watch: PausableWatch;
  #listener: number;

  /** Takes `listener` over. */
  constructor(listener: number, events: Events) {
    this.events = events;
    this.#listener = listener;
    this.watch = new PausableWatch(listener, () => this.take());
  }

  resume(): void {
    this.watch.resume();
  }

  /** What comes meanwhile waits in the kernel, as far as that has room. */
  pause(): void {
    this.watch.pause();
  }

  close(): void {
    if (this.watch.closed) return;
    this.watch.close();
    closeFd(this.#listener);
  }

  /** Something has come to the listener. */
  protected abstract take(): void;

  protected get listener(): number {
    return this.#listener;
  }

  /** Another socket takes the listener's place, which is returned: it is the caller's to close. */
  protected replaceBy(listener: number): number {
    const former = this.#listener;
    this.#listener = listener;
    this.watch.turnTo(listener);
    return former;
  }
}

/** Other work gets its turn after so many connections. */
export const largestBatch = 64;

/** Of descriptors or memory: later there may be some. */
export const shortages: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
