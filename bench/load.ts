import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
export interface RepeatedOutcome extends Measured {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}
export interface HandshakesOutcome extends RepeatedOutcome {
  /** How many of `count` were resumed. */
  readonly resumed: number;
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

  handshakes(
    to: LoadTarget,
    options: { threads: number; warmUp: number; seconds: number; resume: boolean },
  ): Promise<HandshakesOutcome> {
    return this.#measure(to, 'handshakes', [
      ...[
        '--connections',
        options.threads,
        '--warm-up',
        options.warmUp,
        '--seconds',
        options.seconds,
      ],
      ...(options.resume ? ['--resume'] : []),
    ]);
  }

  pingPong(
    to: LoadTarget,
    options: { connections: number; warmUp: number; seconds: number },
  ): Promise<RepeatedOutcome> {
    return this.#measure(to, 'ping-pong', [
      ...[
        '--connections',
        options.connections,
        '--warm-up',
        options.warmUp,
        '--seconds',
        options.seconds,
      ],
    ]);
  }

  /** Holds `connections` idle ones open while `during` runs. */
  async holdIdle(to: LoadTarget, connections: number, during: () => Promise<void>): Promise<void> {
    const holder = startPiped(this.#command(to, 'idle', ['--connections', connections]));
    try {
      const { stdout } = holder.child;
      if (stdout === null) throw new Error('The load generator has no stdout');
      const [line] = (await once(createInterface(stdout), 'line')) as [string];
      refuseFailures(JSON.parse(line) as Outcome);
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

function refuseFailures(outcome: Outcome): void {
  if (outcome.failures > 0)
    throw new Error(`${outcome.failures} connections failed, the first with "${outcome.failure}"`);
}
