import {
  closeFd,
  peek,
  type Readiness,
  receive,
  send,
  shutdownFd,
  type Watch,
  watch,
} from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';

/** A connected socket from which no more is read than a dialog takes, so that the rest is there for whoever is next. */
export class Wire {
  readonly #fd: number;
  #waiting: Watch | undefined;
  #open = true;

  /** Takes the descriptor over. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Copies what is there, up to so much; empty: the end; undefined: nothing is there now. */
  peek(most: number): Buffer | undefined {
    const buffer = Buffer.allocUnsafe(most);
    const length = peek(this.#fd, buffer);
    return length === undefined ? undefined : buffer.subarray(0, length);
  }

  /** Reads what was looked at. */
  drop(length: number): void {
    if (length === 0) return;
    const received = receive(this.#fd, Buffer.allocUnsafe(length), 0);
    // Nobody passes descriptors here on purpose.
    for (const fd of received?.fds ?? []) closeFd(fd);
    if (received?.bytes !== length) {
      throw new TlspoolError('internal', 'somebody else reads from the same socket');
    }
  }

  /** Resolves when there is something to read, or the end. One wait at a time. */
  readable(signal: AbortSignal): Promise<void> {
    return this.#ready('readable', signal);
  }

  /** Resolves when the kernel has taken everything. */
  async send(bytes: Buffer, signal: AbortSignal): Promise<void> {
    for (let left = bytes; left.length > 0; ) {
      const taken = send(this.#fd, left);
      if (taken === undefined) await this.#ready('writable', signal);
      left = left.subarray(taken ?? 0);
    }
  }

  /** Nothing more is sent. */
  finish(): void {
    shutdownFd(this.#fd, 'write');
  }

  /** Nothing more is sent. What still comes is thrown away for a moment: a reset would take our last words along. */
  async leave(signal: AbortSignal): Promise<void> {
    this.finish();
    for (let thrown = 0; thrown < mostThrownAway; ) {
      const there = this.peek(readSize);
      if (there?.length === 0) return;
      this.drop(there?.length ?? 0);
      thrown += there?.length ?? 0;
      if (there === undefined) await this.readable(signal);
    }
  }

  /** Gives the descriptor away. */
  release(): number {
    this.#waiting?.close();
    this.#open = false;
    return this.#fd;
  }

  close(): void {
    if (this.#open) closeFd(this.release());
  }

  #ready(what: keyof Readiness, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        waiting.close();
        this.#waiting = undefined;
        signal.removeEventListener('abort', abort);
        settle();
      };
      const abort = () => finish(() => reject(signal.reason));
      const waiting = watch(this.#fd, { [what]: true }, () => finish(resolve));
      this.#waiting = waiting;
      signal.addEventListener('abort', abort);
    });
  }
}

/** Bytes looked at in one go. */
export const readSize = 16_384;
const mostThrownAway = 262_144;
