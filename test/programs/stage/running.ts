import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { entry } from '../../built.ts';

const launcher = fileURLToPath(new URL('../../../build/launcher', import.meta.url));

/** ms for what a program is to say, and for programs that are to end by themselves. */
const patience = 120_000;

/**
 * A process of a scenario, with all that it said so far. Disposing of it kills it and waits for its end; it ends with
 * the test's own process in any case.
 */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #said = new EventTarget();
  readonly #ended: Promise<number>;

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    const bond = ['--parent', String(process.pid), '--'];
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.child = spawn(launcher, [...bond, command, ...args], { stdio: [...stdio], ...options });
    this.#collect(this.child.stdout, 'stdout');
    this.#collect(this.child.stderr, 'stderr');
    this.#ended = this.#end();
    // A process that nobody waits for may fail: the scenario fails by what it misses.
    this.#ended.catch(() => undefined);
  }

  /** Exit code as a shell tells it: 128 + n for signal n. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The first match in what was said on stderr; fails when the process ends, or time is over, without it. */
  saying(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#telling(pattern, () => this.stderr);
  }

  /** The same for stdout. */
  printing(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#telling(pattern, () => this.stdout);
  }

  async #telling(pattern: RegExp, told: () => string): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(patience);
    for (;;) {
      const ended = this.child.exitCode !== null || this.child.signalCode !== null;
      // What a process said last is there when its pipes are closed, not when it is gone.
      if (ended) await this.#ended;
      const match = pattern.exec(told());
      if (match) return match;
      if (ended || deadline.aborted) {
        throw new Error(`${pattern} was never said, but: ${this.stdout}${this.stderr}`);
      }
      await Promise.race([
        once(this.#said, 'said', { signal: deadline }).catch(() => undefined),
        this.#ended,
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended.catch(() => undefined);
  }

  #collect(stream: Readable | null, into: 'stdout' | 'stderr'): void {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      this[into] += text;
      this.#said.dispatchEvent(new Event('said'));
    });
  }

  async #end(): Promise<number> {
    const [code, signal] = (await once(this.child, 'close')) as [number | null, NodeJS.Signals];
    return code ?? 128 + constants.signals[signal];
  }
}

/** tlspool, built. */
export function tlspool(args: readonly string[], options: SpawnOptions = {}): Running {
  return new Running(process.execPath, [entry, ...args], options);
}

/** The same as words of a command line, for others to run. */
export function tlspoolCommand(...args: readonly string[]): string[] {
  return [process.execPath, entry, ...args];
}

/** Runs a program to its end; its exit code and all that it said. Kills it when it does not come to one. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly input?: string | Buffer } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { input, ...rest } = options;
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const stdio: SpawnOptions['stdio'] = [stdin, 'pipe', 'pipe'];
  const limit = { timeout: patience, killSignal: 'SIGKILL' } as const;
  const running = new Running(command, args, { ...limit, stdio, ...rest });
  running.child.stdin?.on('error', () => undefined).end(input);
  return { code: await running.ended, stdout: running.stdout, stderr: running.stderr };
}

/** The same for tlspool itself. */
export function runTlspool(args: readonly string[], options: Parameters<typeof run>[2] = {}) {
  return run(process.execPath, [entry, ...args], options);
}
