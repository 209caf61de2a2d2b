/** ms between looks. */
const INTERVAL = 1_000;

/** Tells, once each time, of tokens that seem to wait for a person's finger, and when they do no more. */
export class TouchWatch {
  readonly #tokens: () => Iterable<string>;
  readonly #waits: (token: string) => boolean;
  readonly #tell: (token: string, awaited: boolean) => void;
  /** Told of, and still waiting. */
  readonly #told = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  /** @param waits whether a signature has been under way for so long that a touch is the likely reason */
  constructor(
    tokens: () => Iterable<string>,
    waits: (token: string) => boolean,
    tell: (token: string, awaited: boolean) => void,
  ) {
    this.#tokens = tokens;
    this.#waits = waits;
    this.#tell = tell;
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const token of this.#tokens()) {
      const awaited = this.#waits(token);
      if (awaited === this.#told.has(token)) continue;
      if (awaited) this.#told.add(token);
      else this.#told.delete(token);
      this.#tell(token, awaited);
    }
  }
}
