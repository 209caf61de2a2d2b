import { closeFd, socketAddresses } from '../../engine/sockets.ts';
import { type Attendance, plainAddress } from '../../starttls/data-transfer.ts';

/** A listener that the program opened for data, it seems, kept from clients until its control connection names it. */
interface DataListener {
  /** Where clients come to. */
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  /** Control connections that may still name it. */
  readonly candidates: Set<ControlConnection>;
  readonly unnamed: () => void;
  /** A control connection has named it. */
  named: boolean;
}

/**
 * The listeners that a program may have opened for FTP's data. Which they are is heard on its control connections: a
 * server listens when it is asked to, and its answer says where; a client listens, and says so in its next command.
 */
export class DataListeners {
  /** By the SO_COOKIE of the program's own. */
  readonly #open = new Map<number, DataListener>();
  readonly #controls = new Set<ControlConnection>();

  attend(program: 'client' | 'server'): Attendance {
    const control = new ControlConnection(program, () => this.#cannotName(control));
    this.#controls.add(control);
    return {
      asked: () => control.asked(),
      answered: () => control.answered(),
      [Symbol.dispose]: () => {
        this.#controls.delete(control);
        this.#cannotName(control);
      },
    };
  }

  /** A listener of no other meaning that is opened now may be for data. */
  get awaited(): boolean {
    return this.#naming.length > 0;
  }

  /**
   * Takes `fd` over, until `close` or `giveBack`.
   * @param unnamed called when no control connection can name it any more and none has
   */
  add(fd: number, cookie: number, unnamed: () => void): void {
    const { local } = socketAddresses(fd);
    const { address = '', port = 0 } = local ?? {};
    const where = { address: plainAddress(address), port };
    const candidates = new Set(this.#naming);
    this.#open.set(cookie, { fd, ...where, candidates, unnamed, named: false });
    if (candidates.size === 0) unnamed();
  }

  /** Where clients come to; undefined once it is closed. */
  fdOf(cookie: number): number | undefined {
    return this.#open.get(cookie)?.fd;
  }

  /** Whether it is one of these, and no control connection has named it yet. */
  isUnnamed(cookie: number): boolean {
    return this.#open.get(cookie)?.named === false;
  }

  /** It was none for data: gives back what `add` took over, if it is unnamed still. */
  giveBack(cookie: number): number | undefined {
    if (!this.isUnnamed(cookie)) return undefined;
    const fd = this.fdOf(cookie);
    this.#open.delete(cookie);
    return fd;
  }

  /** The program does not listen there any more. */
  close(cookie: number): void {
    const fd = this.fdOf(cookie);
    this.#open.delete(cookie);
    if (fd !== undefined) closeFd(fd);
  }

  /** The cookies of all, with where clients come to. */
  get all(): readonly (readonly [cookie: number, fd: number])[] {
    return [...this.#open].map(([cookie, { fd }]) => [cookie, fd] as const);
  }

  /** A control connection names a place: the cookie of the program's listener there, if it is one of these. */
  name(address: string, port: number): number | undefined {
    for (const [cookie, listener] of this.#open) {
      const here = [address, '0.0.0.0', '::'].includes(listener.address);
      if (listener.port !== port || !here) continue;
      listener.named = true;
      return cookie;
    }
    return undefined;
  }

  get #naming(): ControlConnection[] {
    return [...this.#controls].filter(({ mayName }) => mayName);
  }

  #cannotName(control: ControlConnection): void {
    for (const { candidates, named, unnamed } of [...this.#open.values()]) {
      if (candidates.delete(control) && candidates.size === 0 && !named) unnamed();
    }
  }
}

/** Whether a control connection of the program may name a listener that is opened now. */
class ControlConnection {
  readonly #program: 'client' | 'server';
  readonly #done: () => void;
  #unanswered = 0;

  /** @param done what was opened up to now is named, or is not going to be */
  constructor(program: 'client' | 'server', done: () => void) {
    this.#program = program;
    this.#done = done;
  }

  /** A client may listen at any time. */
  get mayName(): boolean {
    return this.#program === 'client' || this.#unanswered > 0;
  }

  asked(): void {
    this.#unanswered++;
  }

  answered(): void {
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    if (this.#unanswered === 0) this.#done();
  }
}
