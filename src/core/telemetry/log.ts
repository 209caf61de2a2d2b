import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { type Level, pino } from 'pino';

/** Where the parts of a pool tell what happens. Fields never hold a secret: no PIN, no ctlkey, no payload. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Absent: all do. */
  isLevelEnabled?(level: LogLevel): boolean;
}

/** Whether such lines go anywhere: what would be told of every session is not put together in vain. */
export function tells(log: Log, level: LogLevel): boolean {
  return log.isLevelEnabled?.(level) ?? true;
}

export type LogLevel = Extract<Level, 'debug' | 'info' | 'warn' | 'error'>;
/** `text` is for people, `json` an object a line for programs. */
export type LogFormat = 'text' | 'json';

/** A log whose level can be changed while it is in use. */
export type AdjustableLog = Log & { level: string };

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly stream: Writable & { readonly isTTY?: boolean };
}

export function createLog({ level, format, stream }: LogOptions): AdjustableLog {
  const lines = new Lines(stream, format === 'text' ? textLine : undefined);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines);
}

/** Gathers the lines of one turn of the event loop into one write: an audit line costs no system call of its own. */
class Lines {
  readonly #stream: LogOptions['stream'];
  readonly #shape: ((json: string, paint: Paint) => string) | undefined;
  #waiting: string[] = [];

  constructor(stream: LogOptions['stream'], shape: typeof textLine | undefined) {
    this.#stream = stream;
    this.#shape = shape;
    // What is left when the process ends however: writes to stderr are synchronous then.
    process.on('exit', () => this.#flush());
  }

  write(json: string): void {
    this.#waiting.push(json);
    if (this.#waiting.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const lines = this.#waiting;
    this.#waiting = [];
    const shape = this.#shape;
    const paint: Paint = (colour, text) => styleText(colour, text, { stream: this.#stream });
    this.#stream.write(
      shape === undefined ? lines.join('') : lines.map((line) => shape(line, paint)).join(''),
    );
  }
}

type Colour = Parameters<typeof styleText>[0];
/** Colours text if the log goes to a terminal whose user wants that (NO_COLOR, TERM=dumb). */
type Paint = (colour: Colour, text: string) => string;

const levels: ReadonlyMap<number, [name: string, colour: Colour]> = new Map([
  [20, ['debug', 'dim']],
  [30, ['info', 'green']],
  [40, ['warn', 'yellow']],
  [50, ['error', 'red']],
]);

/** `12:34:56.789 info  message key=value …` */
function textLine(json: string, paint: Paint): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as {
    time: string;
    level: number;
    msg: string;
  };
  const [name, style] = levels.get(level) ?? [String(level), 'reset'];
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${paint('dim', `${key}=`)}${spelled(value)}`,
  );
  const clock = paint('dim', time.slice(11, 23));
  return `${clock} ${paint(style, name.padEnd(5))} ${[msg, ...pairs].join(' ')}\n`;
}

/** Values that hold blanks, or could move a terminal's cursor, are quoted. */
function spelled(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('"') ? text : JSON.stringify(value);
}
