import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { entry } from '../../built.ts';
import type { Pool } from './pool.ts';

/** ms for something to show: machines may be slow. */
const PATIENCE = 120_000;
/** ms between looks. */
const LOOK = 100;

/** Runs a program, and writes down its process and its exit code, as a shell tells it; Ctrl-C is the program's. */
const KEEPING_BOOK = `trap : INT
sh -c 'echo $$ >"$0.pid"; exec "$@"' "$0" "$@"
echo $? >"$0.new"; mv "$0.new" "$0.code"`;

const execute = promisify(execFile);

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A person's terminal (tmux, with a server of its own) in which tlspool runs. Disposing of it ends all in it. */
export class Terminal implements AsyncDisposable {
  static #count = 0;
  readonly #socket: string;

  private constructor(pool: Pool) {
    Terminal.#count += 1;
    this.#socket = join(pool.folder, `tmux-${Terminal.#count}`);
  }

  static running(pool: Pool, ...args: readonly string[]): Promise<Terminal> {
    return Terminal.sized({ columns: 120, rows: 40 }, pool, ...args);
  }

  static async sized(
    { columns, rows }: TerminalSize,
    pool: Pool,
    ...args: readonly string[]
  ): Promise<Terminal> {
    const terminal = new Terminal(pool);
    const program = [process.execPath, entry, ...args];
    const command = ['sh', '-c', KEEPING_BOOK, terminal.#socket, ...program];
    // The terminal stays when the program ends, so that its last words can be read.
    const options = ['set-option', '-g', 'remain-on-exit', 'on', ';'];
    const size = ['-x', String(columns), '-y', String(rows)];
    const start = ['new-session', '-d', ...size, command.map(quoted).join(' ')];
    const environment = { ...pool.environment, TERM: 'xterm', LC_ALL: 'C.UTF-8' };
    const everything = ['-S', terminal.#socket, '-f', '/dev/null', ...options, ...start];
    await execute('tmux', everything, { env: environment });
    return terminal;
  }

  /** Process of what runs in it. */
  get pid(): number {
    return Number(readFileSync(`${this.#socket}.pid`, 'utf8'));
  }

  /** What is to be seen, without empty lines. */
  async screen(): Promise<string> {
    const screen = await this.#tmux('capture-pane', '-p', '-J');
    const lines = screen.split('\n').map((line) => line.trimEnd());
    return lines.filter((line) => line !== '').join('\n');
  }

  /** Waits until it shows; gives what is to be seen then. */
  async showing(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const screen = await this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`${pattern} does not show, but:\n${screen}`);
      await pause(LOOK);
    }
  }

  /** Waits until the program has ended, and nothing else is at the terminal; its exit code, and what is to be seen then. */
  async ended(): Promise<{ readonly code: number; readonly screen: string }> {
    // tmux knows of the terminal's end, but may miss that of a process (SIGCHLD), and say nothing of it on the screen.
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const dead = (await this.#tmux('display-message', '-p', '#{pane_dead}')).trim() === '1';
      const screen = await this.screen();
      const code = this.#code();
      if (dead && code !== undefined) return { code, screen };
      if (Date.now() > deadline) throw new Error(`it does not end, but shows:\n${screen}`);
      await pause(LOOK);
    }
  }

  #code(): number | undefined {
    const file = `${this.#socket}.code`;
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  }

  /** Text, and then keys by tmux's names: Enter, Down, C-c. */
  async type(text: string, ...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
    await this.press(...keys);
  }

  async press(...keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#tmux('send-keys', ...keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server');
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('tmux', ['-S', this.#socket, ...args]);
    return stdout;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
