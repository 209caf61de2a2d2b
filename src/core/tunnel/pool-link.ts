import { EventEmitter } from 'node:events';
import type { PoolConnection } from '../../client/index.ts';
import { TlspoolError } from '../errors.ts';

/**
 * The way to the daemon, found again with growing pauses when the daemon goes and comes back.
 * Events: `up`, `down`.
 */
export class PoolLink extends EventEmitter<{ up: []; down: [] }> {
  readonly #connect: () => Promise<PoolConnection>;
  #pool: PoolConnection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** Fails as `connect` does when there is no daemon now. */
  static async open(connect: () => Promise<PoolConnection>): Promise<PoolLink> {
    const link = new PoolLink(connect);
    link.#adopt(await connect());
    return link;
  }

  private constructor(connect: () => Promise<PoolConnection>) {
    super();
    // As many listeners as there are sockets that clients come to.
    this.setMaxListeners(0);
    this.#connect = connect;
  }

  /** undefined while the daemon is away. */
  get pool(): PoolConnection | undefined {
    return this.#pool;
  }

  /** A connection beside this one, the caller's to close. Fails as `connect` does. */
  another(): Promise<PoolConnection> {
    return this.#connect();
  }

  /** Sessions that are still open end, unless they were detached. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#pool?.close();
    this.#pool = undefined;
  }

  #adopt(pool: PoolConnection): void {
    this.#pool = pool;
    pool.on('close', () => this.#lost());
  }

  #lost(): void {
    if (this.#closed) return;
    this.#pool = undefined;
    this.emit('down');
    this.#tryAgain(shortestPause);
  }

  #tryAgain(pause: number): void {
    this.#retry = setTimeout(async () => {
      try {
        const pool = await this.#connect();
        if (this.#closed) {
          pool.close();
          return;
        }
        this.#adopt(pool);
        this.emit('up');
      } catch (error) {
        if (!(error instanceof TlspoolError)) throw error;
        if (!this.#closed) this.#tryAgain(Math.min(pause * 2, longestPause));
      }
    }, pause);
  }
}

/** ms */
const shortestPause = 50;
const longestPause = 5_000;
