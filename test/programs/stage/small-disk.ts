import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patience } from '../../patience.ts';

/** Why no disk can be mounted here, or false: what `skip` of a test takes. */
export function cannotMount(): string | false {
  const tried = ['--mount', 'mount', '-t', 'tmpfs', 'tlspool', tmpdir()];
  const { status } = spawnSync('unshare', tried, { timeout: patience, stdio: 'ignore' });
  return status !== 0 && 'takes the right to mount file systems (root)';
}

/** A disk of 4 MiB in the place of a folder, with all that is in it; without it, the folder is as it was. */
export class SmallDisk implements Disposable {
  readonly #folder: string;
  readonly #ballast: string;
  #mounted = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#ballast = join(folder, 'ballast');
    const aside = `${folder}.aside`;
    run('cp', '-a', folder, aside);
    try {
      this.#mount('-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tlspool', folder);
      run('cp', '-a', `${aside}/.`, folder);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    } finally {
      rmSync(aside, { recursive: true });
    }
  }

  /** No further block goes onto it. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (;;) writeSync(file, Buffer.alloc(4_096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** There is space again. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /**
   * Nothing on it can be opened for writing any more. Files that are open stay as they are: Linux lets nobody turn a
   * file system read-only under them.
   */
  seal(): void {
    this.#mount('--bind', this.#folder, this.#folder);
    run('mount', '-o', 'remount,bind,ro', this.#folder);
  }

  unseal(): void {
    this.#unmount();
  }

  [Symbol.dispose](): void {
    while (this.#mounted > 0) this.#unmount();
  }

  #mount(...args: readonly string[]): void {
    run('mount', ...args);
    this.#mounted += 1;
  }

  /** Lazily: a daemon may have files open in it. */
  #unmount(): void {
    this.#mounted -= 1;
    run('umount', '--lazy', this.#folder);
  }
}

function run(file: string, ...args: readonly string[]): void {
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: patience });
}
