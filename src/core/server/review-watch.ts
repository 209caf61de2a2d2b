import type { Authorisation } from '../authz/authorisation.ts';
import { reviewsWanted } from '../store/review-wishes.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { reviewSession } from './review.ts';
import type { Sessions } from './sessions.ts';

interface WatchedParts {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly authorisation: Authorisation;
  readonly log: Log;
}

/** ms between looks; one takes microseconds. */
const GLANCE = 1_000;

/** Ends sessions that are not allowed any more, when a command wants that and has no way to ask this pool. */
export class ReviewWatch implements Disposable {
  readonly #parts: WatchedParts;
  readonly #timer: NodeJS.Timeout;
  #version: number;
  #wanted: number;
  #looking = false;

  static async start(parts: WatchedParts): Promise<ReviewWatch> {
    const version = parts.store.version();
    return new ReviewWatch(parts, version, await reviewsWanted(parts.store.db));
  }

  private constructor(parts: WatchedParts, version: number, wanted: number) {
    this.#parts = parts;
    this.#version = version;
    this.#wanted = wanted;
    this.#timer = setInterval(() => void this.#look(), GLANCE).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { store, log } = this.#parts;
    if (this.#looking) return;
    this.#looking = true;
    try {
      const version = store.version();
      if (version === this.#version) return;
      const wanted = await reviewsWanted(store.db);
      if (wanted !== this.#wanted) await this.#review();
      this.#wanted = wanted;
      this.#version = version;
    } catch (error) {
      log.error({ err: error }, 'open sessions could not be held against the rules');
    } finally {
      this.#looking = false;
    }
  }

  async #review(): Promise<void> {
    const { sessions, authorisation, log } = this.#parts;
    await authorisation.refresh();
    for (const { session } of [...sessions.list()]) {
      const reviewed = reviewSession(authorisation, session);
      if (reviewed === undefined) continue;
      log.info({ ...reviewed }, 'ended: not allowed any more');
      session.end('abort');
    }
  }
}
