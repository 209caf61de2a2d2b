import { bindBeside, closeFd, connectUdp, peekSender } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import type { Acceptance, AcceptorEvents } from './acceptor.ts';
import { PausableWatch } from './pausable-watch.ts';

/**
 * Makes connections of what programs send to a UDP socket: the socket to which the first datagram of somebody came is
 * connected to that one, with the datagram still in it, and a new one is bound for all the others. Starts paused.
 */
export class DatagramAcceptor implements Acceptance {
  readonly #events: AcceptorEvents;
  readonly #watch: PausableWatch;
  #listener: number;

  /** @param listener of `bindUdp`; it takes it over */
  constructor(listener: number, events: AcceptorEvents) {
    this.#listener = listener;
    this.#events = events;
    this.#watch = new PausableWatch(listener, () => this.#accept());
  }

  resume(): void {
    this.#watch.resume();
  }

  /** What comes meanwhile waits in the socket, as far as it has room. */
  pause(): void {
    this.#watch.pause();
  }

  close(): void {
    if (this.#watch.closed) return;
    this.#watch.close();
    closeFd(this.#listener);
  }

  #accept(): void {
    const sender = peekSender(this.#listener);
    if (sender === undefined) return;
    let next: number;
    try {
      next = bindBeside(this.#listener);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.#watch.breathe();
      return;
    }
    const fd = this.#listener;
    this.#listener = next;
    this.#watch.turnTo(next);
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
}
