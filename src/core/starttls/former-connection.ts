import type { Wire } from './wire.ts';

/** ms; programs that serve one client after the other do not come to the new connection before the former one ends. */
const longest = 250;

/**
 * The program's connection from before TLS, which another has taken the place of. It ends when the program has spoken on
 * that one: where each client has a process, the end of one would else come as a signal while the other is being accepted,
 * and calls in which programs do not expect that can be interrupted by it (Exim gives the client up then).
 */
export class FormerConnection {
  readonly #wire: Wire;
  #timer: NodeJS.Timeout | undefined;

  /** Takes it over. */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The new one is there. */
  closeSoon(): void {
    this.#timer = setTimeout(() => this.close(), longest);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#wire.close();
  }
}
