import type { PoolConnection } from '../../client/index.ts';
import { closeFd } from '../engine/sockets.ts';
import { asTlspoolError, type TlspoolError } from '../errors.ts';
import type { Acceptance, MeetingEvents } from './acceptance.ts';
import { Acceptor } from './acceptor.ts';
import type { PoolLink } from './pool-link.ts';

/**
 * Brings one accepted connection to the pool; takes `fd` over. The promise lasts as long as the connection
 * counts against the limit: for most until both sockets are the pool's. `hello` is as of `AcceptorEvents`.
 */
export type Carry = (pool: PoolConnection, fd: number, hello?: Buffer) => Promise<void>;

export interface IntakeOptions {
  /** Listening sockets; the intake owns them from here on. */
  readonly listeners: readonly number[];
  /** How connections come from one of them, if not by accept(2). */
  readonly accept?: ((listener: number, events: MeetingEvents) => Acceptance) | undefined;
  readonly link: PoolLink;
  readonly carry: Carry;
  /** How many connections may be on their way at once; more wait in the kernel's queue. */
  readonly limit: number;
  readonly events: IntakeEvents;
}

export interface IntakeEvents {
  /** One connection came to nothing. */
  lost(error: TlspoolError): void;
  /** A listener failed: nothing will come from it any more. */
  failed(error: TlspoolError): void;
}

/** Accepts while the pool is there and fewer than `limit` connections are on their way. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #acceptors: readonly Acceptance[];
  #underway = 0;
  #closed = false;
  readonly #settled = Promise.withResolvers<void>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    const events = {
      connection: (fd: number, hello?: Buffer) => this.#take(fd, hello),
      lost: (error: TlspoolError) => this.#lost(error),
      failed: options.events.failed,
    };
    const { accept = (listener) => new Acceptor(listener, events) } = options;
    this.#acceptors = options.listeners.map((listener) => accept(listener, events));
    options.link.on('up', this.#breatheIn).on('down', this.#hold);
    this.#breatheIn();
  }

  /**
   * Stops listening, and telling of what is lost from now on. Resolves when nothing is on its way any more,
   * which may take as long as a handshake.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#options.link.off('up', this.#breatheIn).off('down', this.#hold);
    for (const acceptor of this.#acceptors) acceptor.close();
    if (this.#underway === 0) this.#settled.resolve();
    return this.#settled.promise;
  }

  readonly #breatheIn = () => {
    const ready = this.#options.link.pool && this.#underway < this.#options.limit;
    if (!ready || this.#closed) return;
    for (const acceptor of this.#acceptors) acceptor.resume();
  };

  readonly #hold = () => {
    for (const acceptor of this.#acceptors) acceptor.pause();
  };

  #take(fd: number, hello?: Buffer): void {
    const { pool } = this.#options.link;
    if (!pool) {
      closeFd(fd);
      return;
    }
    this.#underway++;
    if (this.#underway >= this.#options.limit) this.#hold();
    this.#options
      .carry(pool, fd, hello)
      .catch((error: unknown) => this.#lost(asTlspoolError(error)))
      .finally(() => this.#done());
  }

  #lost(error: TlspoolError): void {
    if (!this.#closed) this.#options.events.lost(error);
  }

  #done(): void {
    this.#underway--;
    this.#breatheIn();
    if (this.#closed && this.#underway === 0) this.#settled.resolve();
  }
}
