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
    const known = this.#running.get(nameOf(target, key));
    const running = known?.processes.every(isRunning) ? known : await this.#start(target, key);
    return {
      ...running,
      serverName: this.#ground.credentials[key].serverName,
      key,
      watch: running.processes.flatMap(({ pid }) => processTree(pid)),
    };
  }

  /** A target that has not served anybody yet. */
  async fresh(target: Target, key: KeyType): Promise<Ready> {
    await this.stop(target, key);
    return this.ready(target, key);
  }

  async stop(target: Target, key: KeyType): Promise<void> {
    const running = this.#running.get(nameOf(target, key));
    this.#running.delete(nameOf(target, key));
    // The last started depends on the ones before it.
    for (const process of [...(running?.processes ?? [])].reverse()) await stop(process);
  }

  async #start(target: Target, key: KeyType): Promise<Running> {
    await this.stop(target, key);
    const { credentials, ...common } = this.#ground;
    const directory = join(common.directory, nameOf(target, key));
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const port = await freePort();
    const place = { ...common, ...credentials[key], directory, port, key };
    const running = { ...(await target.start(place)), port };
    this.#running.set(nameOf(target, key), running);
    return running;
  }
}

function nameOf(target: Target, key: KeyType): string {
  return `${target.id}-${key}`;
}

function freePort(): Promise<number> {
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
