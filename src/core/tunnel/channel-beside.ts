import { extensionMissing } from '../../client/errors.ts';
import { closeFd } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import type { PoolLink } from './pool-link.ts';

/**
 * A connection to the pool beside that of a link, which a thread of the engine uses. It is opened again when it was lost
 * and the pool is there.
 */
export class ChannelBeside implements Disposable {
  readonly #link: PoolLink;
  readonly #adopt: (channel: number) => void;
  #retry: NodeJS.Timeout | undefined;
  #state: 'open' | 'opening' | 'away' | 'closed' = 'opening';

  /** @param adopt takes over the descriptor of each, known to the pool as `extended` */
  constructor(link: PoolLink, adopt: (channel: number) => void) {
    this.#link = link;
    this.#adopt = adopt;
    link.on('up', this.#reopen);
  }

  /** For the first time. @throws TlspoolError if the pool takes none, or does not know our extension */
  async open(): Promise<void> {
    this.#take(await beside(this.#link));
  }

  /** Whether there is a pool to ask. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** The thread has lost it. */
  lost(): void {
    if (this.#closed) return;
    this.#state = 'away';
    void this.#reopen();
  }

  [Symbol.dispose](): void {
    this.#state = 'closed';
    clearTimeout(this.#retry);
    this.#link.off('up', this.#reopen);
  }

  readonly #reopen = async (): Promise<void> => {
    clearTimeout(this.#retry);
    if (this.#state !== 'away' || !this.#link.pool) return;
    this.#state = 'opening';
    try {
      this.#take(await beside(this.#link));
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      if (this.#closed) return;
      this.#state = 'away';
      this.#retry = setTimeout(this.#reopen, pause).unref();
    }
  };

  /** Whatever happened while somebody waited. */
  get #closed(): boolean {
    return this.#state === 'closed';
  }

  #take(channel: number): void {
    if (this.#closed) {
      closeFd(channel);
      return;
    }
    this.#state = 'open';
    this.#adopt(channel);
  }
}

/** ms until a pool that took no connection, though it is there, is asked again */
const pause = 100;

async function beside(link: PoolLink): Promise<number> {
  const pool = await link.another();
  if (pool.extended) return pool.release();
  pool.close();
  throw extensionMissing('a question for another process');
}
