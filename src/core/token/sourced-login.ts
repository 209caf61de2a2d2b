import { type StatWatcher, unwatchFile, watchFile } from 'node:fs';
import { stat } from 'node:fs/promises';
import { TokenError } from './failure.ts';
import { type PinSource, pinPath, readPin } from './pin-source.ts';

/** How often a source whose PIN was refused, or that could not be read, is looked at. ms */
const LOOK_AGAIN = 1_000;

export interface SourcedLoginEvents {
  /** @throws whatever the token answers; wipes the PIN. */
  login(pin: Buffer): Promise<void>;
  /** Nothing more happens until the source changes. */
  failed(error: unknown): void;
}

/**
 * Logs in with a PIN source's PIN, and never a second time with what was refused once: only when the
 * source has changed since, which is watched for.
 */
export class SourcedLogin {
  readonly source: PinSource;
  readonly #events: SourcedLoginEvents;
  /** What the source looked like when its PIN was refused. */
  #refused: string | undefined;
  #running: Promise<void> | undefined;
  #watched: string | undefined;

  constructor(source: PinSource, events: SourcedLoginEvents) {
    this.source = source;
    this.#events = events;
  }

  /** Resolves when that is done, well or not. */
  attempt(): Promise<void> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Another way was found. */
  stop(): void {
    if (this.#watched !== undefined) unwatchFile(this.#watched, this.#changed);
    this.#watched = undefined;
  }

  async #attempt(): Promise<void> {
    let path: string | undefined;
    let look: string | undefined;
    try {
      path = pinPath(this.source);
      look = await lookOf(path);
      if (look !== undefined && look === this.#refused) return;
      await this.#events.login(await readPin(this.source));
      this.#refused = undefined;
      this.stop();
    } catch (error) {
      // A token that was not there has not judged the PIN.
      const judged = error instanceof TokenError && verdicts.has(error.returnValue?.name ?? '');
      if (judged) this.#refused = look;
      if (path !== undefined && (judged || !(error instanceof TokenError))) this.#watch(path);
      this.#events.failed(error);
    }
  }

  #watch(path: string): void {
    if (this.#watched !== undefined) return;
    this.#watched = path;
    const watcher: StatWatcher = watchFile(path, { interval: LOOK_AGAIN }, this.#changed);
    watcher.unref();
  }

  readonly #changed = (): void => {
    void this.attempt();
  };
}

/** Answers of C_Login that a token gives once it has looked at the PIN. */
const verdicts: ReadonlySet<string> = new Set([
  'CKR_PIN_INCORRECT',
  'CKR_PIN_INVALID',
  'CKR_PIN_LEN_RANGE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
]);

/** What changes with a file, be it replaced or rewritten; undefined if it is not there. */
async function lookOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats && [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
