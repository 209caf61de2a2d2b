import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Credentials } from '../credentials.ts';
import type { LoadTarget } from '../load.ts';
import { isRunning, processTree, stop } from '../processes.ts';
import type { Deployment, KeyType, Target } from './target.ts';

/** What every target of a run has in common. */
export interface Ground {
  /** For the folders of the targets. */
  readonly directory: string;
  readonly backend: string;
  readonly credentials: Credentials;
  readonly binaries: string;
  readonly cores: number;
  readonly openFiles: number;
}

interface Running extends Deployment {
  readonly port: number;
}

/** A running target, to put load on. */
export type Ready = LoadTarget & Omit<Deployment, 'processes'>;

/**
 * The targets that are running. One stays up between its turns, as it would in production, and costs
 * nothing while it waits.
 */
export class Fleet {
  readonly #ground: Ground;
  readonly #running = new Map<string, Running>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** The target, running: started if it is not there, or no longer. */
  async ready(target: Target, key: KeyType): Promise<Ready> {
    const name = `${target.id}-${key}`;
    const known = this.#running.get(name);
    if (known?.processes.every(isRunning)) return this.#facing(known, key);
    this.#running.delete(name);
    await end(known);
    const running = await this.#start(target, key, name);
    this.#running.set(name, running);
    return this.#facing(running, key);
  }

  /** Another instance of the target, which has not served anybody yet, for as long as `work` takes. */
  async fresh<T>(target: Target, key: KeyType, work: (to: Ready) => Promise<T>): Promise<T> {
    const running = await this.#start(target, key, `${target.id}-${key}-fresh`);
    try {
      return await work(this.#facing(running, key));
    } finally {
      await end(running);
    }
  }

  #facing(running: Running, key: KeyType): Ready {
    return {
      ...running,
      serverName: this.#ground.credentials[key].serverName,
      key,
      watch: running.processes.flatMap(({ pid }) => processTree(pid)),
    };
  }

  async #start(target: Target, key: KeyType, name: string): Promise<Running> {
    const { credentials, ...common } = this.#ground;
    const directory = join(common.directory, name);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const port = await freePort();
    const deployment = await target.start({ ...common, ...credentials[key], directory, port, key });
    return { ...deployment, port };
  }
}

/** Whatever was started last depends on the rest, so it goes first. */
async function end(running: Running | undefined): Promise<void> {
  for (const process of [...(running?.processes ?? [])].reverse()) await stop(process);
}

/** Of 127.0.0.1. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('No free port')),
      );
    });
  });
}
