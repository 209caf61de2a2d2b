import { DialogEnd } from './dialog-end.ts';
import type { Side, Talking } from './step.ts';

/** Bytes of the longest line that is taken where a protocol names no other limit. */
const longestLine = 8192;

/** One side of a dialog: what it said and was not read yet, and what it is to be told. */
export class Party {
  readonly side: Side;
  #unread: Buffer = Buffer.alloc(0);
  #ended = false;
  #told: Buffer[] = [];
  #finished: 'no' | 'yes' | 'told' = 'no';

  constructor(side: Side) {
    this.side = side;
  }

  /** Bytes that came and were not read. */
  get pending(): number {
    return this.#unread.length;
  }

  /** @param words text is sent byte by byte (latin1), as it was read */
  send(words: string | Buffer): void {
    this.#told.push(typeof words === 'string' ? Buffer.from(words, 'latin1') : words);
  }

  /** What is to be sent, once. */
  takeTold(): Buffer | undefined {
    if (this.#told.length === 0) return undefined;
    const bytes = Buffer.concat(this.#told);
    this.#told = [];
    return bytes;
  }

  /** It is told no more than it was up to now: its connection becomes half-closed. */
  finish(): void {
    if (this.#finished === 'no') this.#finished = 'yes';
  }

  /** Whether that is to be done now, once. */
  takeFinish(): boolean {
    if (this.#finished !== 'yes') return false;
    this.#finished = 'told';
    return true;
  }

  /** Whether it says no more. */
  get isOver(): boolean {
    return this.#ended;
  }

  /** More of what it says. */
  hear(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
  }

  /** It says no more. */
  end(): void {
    this.#ended = true;
  }

  /** Gives back up to `most` of the bytes that were heard last and not read. */
  giveBack(most: number): number {
    const length = Math.min(most, this.#unread.length);
    this.#unread = Buffer.from(this.#unread.subarray(0, this.#unread.length - length));
    return length;
  }

  /** What was heard and not read. */
  takeUnread(): Buffer {
    const unread = this.#unread;
    this.#unread = Buffer.alloc(0);
    return unread;
  }

  /** It is about to be another connection. */
  forget(): void {
    this.#unread = Buffer.alloc(0);
    this.#told = [];
    this.#ended = false;
    this.#finished = 'no';
  }

  /** The next line, without its end. Only protocols of lines end one with LF alone: that is taken too. */
  *line(longest = longestLine): Talking<string> {
    for (;;) {
      const line = this.lineNow(longest);
      if (line !== undefined) return line;
      yield* this.more();
    }
  }

  /** The next line if it is there. */
  lineNow(longest = longestLine): string | undefined {
    const end = this.#unread.indexOf(0x0a);
    if (end > longest || (end < 0 && this.#unread.length > longest)) throw this.#tooLong(longest);
    if (end < 0) return undefined;
    return this.#take(end + 1)
      .toString('latin1')
      .replace(/\r?\n$/, '');
  }

  /** The next bytes, exactly so many. */
  *exactly(length: number): Talking<Buffer> {
    while (this.#unread.length < length) yield* this.more();
    return this.#take(length);
  }

  /** The next bytes if they are there. */
  exactlyNow(length: number): Buffer | undefined {
    return this.#unread.length < length ? undefined : this.#take(length);
  }

  /** The same, without reading them. */
  glance(length: number): Buffer | undefined {
    return this.#unread.length < length ? undefined : this.#unread.subarray(0, length);
  }

  /** Everything up to and including `end`. */
  *through(end: string, longest: number): Talking<string> {
    for (;;) {
      const at = this.#unread.indexOf(end, 0, 'latin1');
      if (at >= 0 && at + end.length <= longest) {
        return this.#take(at + end.length).toString('latin1');
      }
      if (this.#unread.length >= longest) throw this.#tooLong(longest);
      yield* this.more();
    }
  }

  /** The next bytes, which stay to be read by whoever gets the socket. */
  *look(length: number): Talking<Buffer> {
    while (this.#unread.length < length) {
      this.#requireMore();
      yield { wait: 'bytes', sides: [this.side], look: true };
    }
    return this.#unread.subarray(0, length);
  }

  /** Waits for more bytes than there are. */
  *more(): Talking<void> {
    const before = this.#unread.length;
    while (this.#unread.length === before) {
      this.#requireMore();
      yield { wait: 'bytes', sides: [this.side] };
    }
  }

  /** Throws if it has ended. */
  requireOpen(): void {
    this.#requireMore();
  }

  #take(length: number): Buffer {
    const taken = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    return taken;
  }

  #requireMore(): void {
    if (this.#ended) throw new DialogEnd('starttls-ended', `${names[this.side]} left before TLS`);
  }

  #tooLong(longest: number): DialogEnd {
    return new DialogEnd(
      'starttls-too-long',
      `${names[this.side]} sent more than ${longest} bytes where less was expected`,
    );
  }
}

const names: Readonly<Record<Side, string>> = { peer: 'the peer', program: 'the program' };
