import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Pool } from './pool.ts';

const devEntry = fileURLToPath(new URL('../../../bin/dev.js', import.meta.url));

/** ms for something to show. */
const PATIENCE = 60_000;

/** A person's terminal (tmux, with a server of its own) in which tlspool runs. Disposing of it ends all in it. */
export class Terminal implements Disposable {
  readonly #socket: string;

  constructor(pool: Pool, ...args: readonly string[]) {
    this.#socket = join(pool.folder, `tmux-${args.join('-').replace(/\W+/g, '-')}`);
    const command = [process.execPath, devEntry, ...args];
    const size = ['-x', '120', '-y', '40'];
    const environment = { ...pool.environment, TERM: 'xterm', LC_ALL: 'C.UTF-8' };
    // The terminal stays when the program ends, so that its last words can be read.
    const options = ['set-option', '-g', 'remain-on-exit', 'on', ';'];
    const start = ['new-session', '-d', ...size, command.map(quoted).join(' ')];
    execFileSync('tmux', ['-S', this.#socket, '-f', '/dev/null', ...options, ...start], {
      env: environment,
    });
  }

  /** Process of what runs in it. */
  get pid(): number {
    return Number(this.#tmux('display-message', '-p', '#{pane_pid}'));
  }

  /** What is to be seen, without empty lines. */
  screen(): string {
    return this.#tmux('capture-pane', '-p', '-J')
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .join('\n');
  }

  /** Waits until it shows; gives what is to be seen then. */
  async showing(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`${pattern} does not show, but:\n${screen}`);
      await pause(100);
    }
  }

  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  /** tmux's names: Enter, Down, C-c. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  [Symbol.dispose](): void {
    this.#tmux('kill-server');
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8' });
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
