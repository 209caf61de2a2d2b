import type { TlspoolError } from '../errors.ts';

/**
 * Tells of failures without flooding whoever listens: the first of a kind at once, those that follow within
 * `interval` ms as a number.
 */
export class Complaints {
  readonly #tell: (line: string) => void;
  readonly #interval: number;
  readonly #kinds = new Map<string, Kind>();

  constructor(tell: (line: string) => void, interval: number) {
    this.#tell = tell;
    this.#interval = interval;
  }

  /** @param about what failed, such as a tunnel's name; '' if there is only one thing */
  add(about: string, error: TlspoolError): void {
    const key = `${about}\0${error.code}`;
    const kind = this.#kinds.get(key) ?? this.#overflow(error.code);
    if (kind) {
      kind.more++;
      return;
    }
    this.#tell(sentence(about, error));
    this.#open(key, about, error.code, { more: 0 });
  }

  /** With this many things failing at once, what they have in common is all that can be read. */
  #overflow(code: string): Kind | undefined {
    if (this.#kinds.size < mostKinds) return undefined;
    const key = `\0${code}`;
    const kind = this.#kinds.get(key) ?? { more: 0 };
    if (!this.#kinds.has(key)) this.#open(key, '', code, kind);
    return kind;
  }

  #open(key: string, about: string, code: string, kind: Kind): void {
    setTimeout(() => this.#sumUp(key, about, code), this.#interval).unref();
    this.#kinds.set(key, kind);
  }

  #sumUp(key: string, about: string, code: string): void {
    const more = this.#kinds.get(key)?.more ?? 0;
    this.#kinds.delete(key);
    if (more > 0) this.#tell(`${prefix(about)}${more} more of ${code}`);
  }
}

const mostKinds = 64;

interface Kind {
  /** Failures since the one that was told. */
  more: number;
}

function sentence(about: string, { message, hint }: TlspoolError): string {
  return `${prefix(about)}${message}${hint === undefined ? '' : `. ${hint}`}`;
}

function prefix(about: string): string {
  return about === '' ? '' : `${about}: `;
}
