import type { Log } from '../telemetry/log.ts';
import { type Concern, DAY } from './concern.ts';

/** Writes concerns into the log: at the start, and once a day. */
export class ConcernWatch implements Disposable {
  readonly #find: () => Promise<readonly Concern[]>;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #over = false;

  constructor(find: () => Promise<readonly Concern[]>, log: Log) {
    this.#find = find;
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), DAY).unref();
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#find().then(
      (concerns) => {
        for (const { code, about, message, hint } of concerns) {
          this.#log.warn({ code, about, hint: hint ?? undefined }, message);
        }
      },
      (err: unknown) => {
        // The store is closed at the end, whoever reads it.
        if (!this.#over) this.#log.error({ err }, 'what ends soon could not be found out');
      },
    );
  }
}
