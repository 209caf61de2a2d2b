import {
  bindBeside,
  closeFd,
  connectUdp,
  peekSender,
  type Watch,
  watch,
} from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import type { Acceptance, AcceptorEvents } from './acceptor.ts';

/**
 * Makes connections of what comes to a UDP socket: the socket to which the first datagram of somebody came is connected
 * to that one, with the datagram still in it, and a new one is bound for all the others. Starts paused.
 */
export class DatagramAcceptor implements Acceptance {
  readonly #events: AcceptorEvents;
  #listener: number;
  #watch: Watch | undefined;
  #breather: NodeJS.Timeout | undefined;
  #accepting = false;
  #closed = false;

  /** @param listener of `bindUdp`; it takes it over */
  constructor(listener: number, events: AcceptorEvents) {
    this.#listener = listener;
    this.#events = events;
  }

  resume(): void {
    if (this.#closed || this.#accepting) return;
    this.#accepting = true;
    if (!this.#breather) this.#listen();
  }

  /** What comes meanwhile waits in the socket, as far as it has room. */
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
    this.#watch = watch(this.#listener, { readable: true }, () => this.#accept());
  }

  #accept(): void {
    const sender = peekSender(this.#listener);
    if (sender === undefined) return;
    let next: number;
    try {
      next = bindBeside(this.#listener);
    } catch (error) {
      this.#recover(error);
      return;
    }
    const fd = this.#listener;
    this.#watch?.close();
    this.#listener = next;
    this.#listen();
    try {
      connectUdp(fd, sender.address, sender.port);
    } catch (error) {
      // A sender that cannot be answered (an address without a route) is nobody's connection.
      closeFd(fd);
      if (!(error instanceof TlspoolError)) throw error;
      return;
    }
    this.#events.connection(fd);
  }

  /** Out of descriptors or memory, the socket stays readable: without a pause this would spin. */
  #recover(error: unknown): void {
    if (!(error instanceof TlspoolError)) throw error;
    this.#watch?.close();
    this.#watch = undefined;
    this.#breather = setTimeout(() => {
      this.#breather = undefined;
      if (this.#accepting) this.#listen();
    }, breather);
  }
}

/** ms */
const breather = 100;
