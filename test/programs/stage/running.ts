import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../../build/launcher', import.meta.url));
const devEntry = fileURLToPath(new URL('../../../bin/dev.js', import.meta.url));

/** A process of a scenario, with all that it said so far. Disposing of it kills it and waits for its end. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #said = new EventTarget();
  readonly #ended: Promise<number>;

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
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

  /** The first match in what was said on stderr; fails when the process ends, or after 20 s, without it. */
  async saying(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(20_000);
    for (;;) {
      const match = pattern.exec(this.stderr);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null || deadline.aborted) {
        throw new Error(`${pattern} was never said, but: ${this.stderr}`);
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

/** tlspool from its sources; it ends with the scenario, however that ends. */
export function tlspool(args: readonly string[], options: SpawnOptions = {}): Running {
  const bond = ['--parent', String(process.pid), '--'];
  return new Running(launcher, [...bond, process.execPath, devEntry, ...args], options);
}

/** Runs a program to its end; its exit code and all that it said. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly input?: string | Buffer } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { input, ...rest } = options;
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const running = new Running(command, args, { stdio: [stdin, 'pipe', 'pipe'], ...rest });
  running.child.stdin?.end(input);
  return { code: await running.ended, stdout: running.stdout, stderr: running.stderr };
}

/** The same for tlspool itself. */
export function runTlspool(args: readonly string[], options: Parameters<typeof run>[2] = {}) {
  return run(process.execPath, [devEntry, ...args], options);
}
