import type { Authorisation } from '../authz/authorisation.ts';
import type { Engine } from '../engine/engine.ts';
import { namedBy } from '../identity/local-name.ts';
import { reviewsWanted, type Shown, unwelcomeSince } from '../store/review-wishes.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { reviewSession } from './review.ts';
import type { Sessions } from './sessions.ts';
import { sessionsShowing } from './shown.ts';

interface WatchedParts {
  readonly store: Store;
  readonly engine: Pick<Engine, 'certificates'>;
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
  /** What was wanted, and of whom, when it was looked last. */
  #seen: Seen;
  #looking = false;

  static async start(parts: WatchedParts): Promise<ReviewWatch> {
    const { store } = parts;
    const version = store.version();
    const wanted = await reviewsWanted(store.db);
    const { position } = await unwelcomeSince(store.db, undefined);
    return new ReviewWatch(parts, { version, wanted, position });
  }

  private constructor(parts: WatchedParts, seen: Seen) {
    this.#parts = parts;
    this.#seen = seen;
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
      if (version === this.#seen.version) return;
      const wanted = await reviewsWanted(store.db);
      const { names, shown, position } = await unwelcomeSince(store.db, this.#seen.position);
      if (wanted !== this.#seen.wanted) await this.#review();
      this.#endSessionsOf(new Set(names));
      await this.#endSessionsShowing(shown);
      this.#seen = { version, wanted, position };
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

  #endSessionsOf(names: ReadonlySet<string>): void {
    const { sessions, log } = this.#parts;
    if (names.size === 0) return;
    for (const { session } of [...sessions.list()]) {
      const remote = session.agreed?.remoteId ?? '';
      if (!namedBy(names, remote)) continue;
      log.info({ session: session.facts.id, remote }, 'ended: its certificate was revoked');
      session.end('abort');
    }
  }

  async #endSessionsShowing(shown: readonly Shown[]): Promise<void> {
    const { sessions, engine, log } = this.#parts;
    if (shown.length === 0) return;
    for await (const session of sessionsShowing(sessions, engine, shown)) {
      const remote = session.agreed?.remoteId ?? '';
      log.info({ session: session.facts.id, remote }, 'ended: its certificate is distrusted');
      session.end('abort');
    }
  }
}

interface Seen {
  readonly version: number;
  readonly wanted: number;
  readonly position: number;
}
