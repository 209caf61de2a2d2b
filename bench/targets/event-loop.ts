import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Tells how long the event loop of a Node process lets others wait; see bench/event-loop-probe.ts. */
export class EventLoop {
  readonly #file: string;

  constructor(directory: string) {
    this.#file = join(directory, 'event-loop');
  }

  /** The process must be started with this. */
  get environment(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--import=${join(import.meta.dirname, '../event-loop-probe.ts')}`,
      BENCH_EVENT_LOOP: this.#file,
    };
  }

  /** ms: the p99 of the delay since this was last asked. */
  async p99(pid: number): Promise<number> {
    await rm(this.#file, { force: true });
    process.kill(pid, 'SIGUSR2');
    for (const end = Date.now() + 5_000; Date.now() < end; await sleep(5))
      if (existsSync(this.#file)) return Number(await readFile(this.#file, 'utf8'));
    throw new Error(`Process ${pid} did not tell the delay of its event loop`);
  }
}
