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
  /** What the source looked like when it was last read, before that. */
  #seen: string | undefined;
  /** What it looked like when its PIN was refused. */
  #refused: string | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: PinSource, events: SourcedLoginEvents) {
    this.source = source;
    this.#events = events;
  }

  /**
   * Resolves when that is done, well or not. Asked for while it is being done, it is done once more: the token may
   * have lost the log-in again.
   */
  attempt(): Promise<void> {
    if (this.#running !== undefined) this.#again = true;
    this.#running ??= this.#attempts().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Another way was found. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #attempts(): Promise<void> {
    do {
      this.#again = false;
      await this.#attempt();
    } while (this.#again);
  }

  async #attempt(): Promise<void> {
    try {
      this.#seen = await lookOf(this.source);
      if (this.#seen !== undefined && this.#seen === this.#refused) return;
      await this.#events.login(await readPin(this.source));
      this.#refused = undefined;
      this.stop();
    } catch (error) {
      // A token that was not there has not judged the PIN.
      const judged = error instanceof TokenError && verdicts.has(error.returnValue?.name ?? '');
      if (judged) this.#refused = this.#seen;
      if (judged || !(error instanceof TokenError)) this.#watch();
      this.#events.failed(error);
    }
  }

  #watch(): void {
    this.#timer ??= setInterval(() => void this.#lookAgain(), LOOK_AGAIN).unref();
  }

  async #lookAgain(): Promise<void> {
    if (this.#running === undefined && (await lookOf(this.source)) !== this.#seen) {
      await this.attempt();
    }
  }
}

/** Answers of C_Login that a token gives once it has looked at the PIN. */
const verdicts: ReadonlySet<string> = new Set([
  'CKR_PIN_INCORRECT',
  'CKR_PIN_INVALID',
  'CKR_PIN_LEN_RANGE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
]);

/** What changes with the source, be it replaced or rewritten; undefined if it is not there. */
async function lookOf(source: PinSource): Promise<string | undefined> {
  const path = pinPath(source);
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats && [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
