import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { run, startPiped, stop } from './processes.ts';
import type { KeyType } from './targets/target.ts';

/** Where and what the load goes to. */
export interface LoadTarget {
  readonly port: number;
  readonly serverName: string;
  readonly key: KeyType;
  /** Processes whose CPU time is measured. */
  readonly watch: readonly number[];
}

/** What every measure of the load generator prints (bench/native/measures.h). */
interface Outcome {
  readonly seconds: number;
  readonly failures: number;
  /** The first of them; '' if none. */
  readonly failure: string;
}
interface Measured extends Outcome {
  readonly cpuSeconds: number;
}
export interface BulkOutcome extends Measured {
  readonly bytes: number;
}
/** Quantiles in µs. */
export interface Repeated extends Measured {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}
export interface HandshakesOutcome extends Repeated {
  /** How many of `count` were resumed. */
  readonly resumed: number;
}

/** What is repeated, on how many threads, and how long: seconds. */
export interface Window {
  readonly threads: number;
  readonly warmUp: number;
  readonly seconds: number;
}

/** The load generator, built into `binaries`. Every method rejects if a single connection failed. */
export class Load {
  readonly #program: string;

  constructor(binaries: string) {
    this.#program = join(binaries, 'load');
  }

  /** Moves `bytes` over `connections` at once. */
  bulk(
    to: LoadTarget,
    direction: 'up' | 'down',
    connections: number,
    bytes: number,
  ): Promise<BulkOutcome> {
    return this.#measure(to, direction, ['--connections', connections, '--bytes', bytes]);
  }

  handshakes(to: LoadTarget, options: Window & { resume: boolean }): Promise<HandshakesOutcome> {
    const resume = options.resume ? ['--resume'] : [];
    return this.#measure(to, 'handshakes', [...windowFlags(options), ...resume]);
  }

  /**
   * Visits a backend at a port of 127.0.0.1 without TLS, or what takes itself for that. `wrapper` is a command in front
   * of the load generator's; `watch` takes its words, too (bench/native/options.h).
   */
  async plain(
    port: number,
    watch: readonly (number | string)[],
    window: Window,
    wrapper: readonly string[] = [],
  ): Promise<Repeated> {
    const to = ['--to', `127.0.0.1:${port}`, '--watch', watch.join(',')];
    const command = [...wrapper, this.#program, 'plain', ...to, ...windowFlags(window).map(String)];
    const outcome = JSON.parse((await run(command)).stdout) as Repeated;
    refuseFailures(outcome);
    return outcome;
  }

  pingPong(to: LoadTarget, window: Window): Promise<Repeated> {
    return this.#measure(to, 'ping-pong', windowFlags(window));
  }

  /** Holds `connections` idle ones open while `during` runs. */
  async holdIdle(to: LoadTarget, connections: number, during: () => Promise<void>): Promise<void> {
    const holder = startPiped(this.#command(to, 'idle', ['--connections', connections]));
    try {
      const { stdout } = holder.child;
      if (stdout === null) throw new Error('The load generator has no stdout');
      refuseFailures(JSON.parse(await firstLine(stdout)) as Outcome);
      await during();
    } finally {
      await stop(holder);
    }
  }

  async #measure<T extends Outcome>(
    to: LoadTarget,
    measure: string,
    options: readonly (string | number)[],
  ) {
    const { stdout } = await run(this.#command(to, measure, options));
    const outcome = JSON.parse(stdout) as T;
    refuseFailures(outcome);
    return outcome;
  }

  #command(to: LoadTarget, measure: string, options: readonly (string | number)[]): string[] {
    return [
      ...[this.#program, measure, '--to', `127.0.0.1:${to.port}`, '--name', to.serverName],
      ...['--key', to.key, '--watch', to.watch.join(','), ...options.map(String)],
    ];
  }
}

/** Rejects if the program says nothing. */
async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface(stream)) return line;
  throw new Error('The load generator ended without a word');
}

function windowFlags({ threads, warmUp, seconds }: Window): (string | number)[] {
  return ['--connections', threads, '--warm-up', warmUp, '--seconds', seconds];
}

function refuseFailures(outcome: Outcome): void {
  if (outcome.failures > 0)
    throw new Error(`${outcome.failures} connections failed, the first with "${outcome.failure}"`);
}
