import type { Readable, Writable } from 'node:stream';
import { TlspoolError } from '../errors.ts';

/** What a server of the protocol answered to one command. */
export type AssuanAnswer =
  /** The caller wipes the data. */
  | { readonly is: 'ok'; readonly data: Buffer }
  | { readonly is: 'error'; readonly code: number; readonly text: string };

/** Lines end after so many bytes (libassuan: ASSUAN_LINELENGTH). */
const LONGEST_LINE = 1000;
const LINE_FEED = 0x0a;
const PERCENT = 0x25;
/** Of data altogether: more is no PIN. */
const MOST_DATA = 4096;

/**
 * The client's side of the Assuan protocol, as GnuPG's pinentry programs speak it: a line each way, data percent-escaped.
 * Secrets are in buffers only, and wiped. See https://gnupg.org/documentation/manuals/assuan/
 */
export class AssuanClient {
  readonly #input: Writable;
  readonly #lines: AsyncIterator<Buffer>;

  constructor(output: Readable, input: Writable) {
    this.#input = input;
    this.#lines = linesOf(output);
  }

  /** The greeting. @throws TlspoolError `assuan` */
  async begin(): Promise<void> {
    const answer = await this.#answer();
    if (answer.is === 'error') throw broken(`it greets with an error: ${answer.text}`);
    answer.data.fill(0);
  }

  /** @param argument as it is meant: it is escaped here. @throws TlspoolError `assuan` if the server breaks off */
  async ask(command: string, argument?: string): Promise<AssuanAnswer> {
    const line = argument === undefined ? command : `${command} ${escaped(argument)}`;
    if (Buffer.byteLength(line) >= LONGEST_LINE) throw broken(`${command} is too long for a line`);
    this.#input.write(`${line}\n`);
    return this.#answer();
  }

  async #answer(): Promise<AssuanAnswer> {
    const data = Buffer.alloc(MOST_DATA);
    let length = 0;
    for (;;) {
      const { done, value: line } = await this.#lines.next();
      if (done === true || line === undefined) {
        data.fill(0);
        throw broken('it went away');
      }
      if (startsWith(line, 'D ')) {
        length += readEscaped(line.subarray(2), data.subarray(length));
        line.fill(0);
      } else if (startsWith(line, 'OK')) return { is: 'ok', data: data.subarray(0, length) };
      else if (startsWith(line, 'ERR')) {
        data.fill(0);
        const [, code = '0', ...words] = line.toString('utf8').split(' ');
        return { is: 'error', code: Number(code), text: words.join(' ') };
      } else if (!startsWith(line, 'S ') && !startsWith(line, '#')) {
        data.fill(0);
        // An inquiry, or something else that was not asked for.
        throw broken('it says what is not expected here');
      }
    }
  }
}

async function* linesOf(output: Readable): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const piece of output as AsyncIterable<Buffer>) {
    const whole = Buffer.concat([rest, piece]);
    rest.fill(0);
    piece.fill(0);
    let start = 0;
    for (let end = whole.indexOf(LINE_FEED); end >= 0; end = whole.indexOf(LINE_FEED, start)) {
      yield whole.subarray(start, end);
      start = end + 1;
    }
    rest = Buffer.from(whole.subarray(start));
    whole.fill(0);
    if (rest.length > LONGEST_LINE) throw broken('its lines are too long');
  }
}

function startsWith(line: Buffer, text: string): boolean {
  return line.subarray(0, text.length).toString('latin1') === text;
}

function escaped(text: string): string {
  return text.replaceAll(
    /[%\r\n]/g,
    (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Bytes that were written to the target. */
function readEscaped(line: Buffer, target: Buffer): number {
  let length = 0;
  for (let at = 0; at < line.length && length < target.length; at += 1) {
    let byte = line[at] ?? 0;
    if (byte === PERCENT) {
      byte = hexValue(line[at + 1]) * 16 + hexValue(line[at + 2]);
      at += 2;
    }
    target[length] = byte;
    length += 1;
  }
  return length;
}

function hexValue(letter = 0): number {
  const value = Number.parseInt(String.fromCharCode(letter), 16);
  return Number.isNaN(value) ? 0 : value;
}

function broken(what: string): TlspoolError {
  return new TlspoolError('assuan', `the pinentry program cannot be used: ${what}`, {
    hint: 'Does it work by itself? Say GETPIN to it.',
  });
}
