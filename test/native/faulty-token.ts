/** A SoftHSM token behind the fault shim (test/fault-shim), which misbehaves as it is told. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleConfig } from '../../src/core/token/modules.ts';
import { patience } from '../patience.ts';
import { PIN, SoftToken } from './soft-token.ts';

const root = join(import.meta.dirname, '../..');

/** One in a process: the shim reads where its orders are from the environment. */
export class FaultyToken extends SoftToken {
  /** The shim, to be loaded in the place of SoftHSM. */
  readonly shim: ModuleConfig;
  readonly #orders = join(this.folder, 'orders');
  readonly #calls = join(this.folder, 'calls');

  constructor(label?: string) {
    super(label);
    execFileSync('make', ['-s', '-C', join(root, 'test/fault-shim')], { timeout: patience });
    process.env.FAULT_SHIM_MODULE = this.config.path;
    process.env.FAULT_SHIM_CONTROL = this.#orders;
    process.env.FAULT_SHIM_LOG = this.#calls;
    process.env.FAULT_SHIM_PIN = PIN;
    if (process.env.TLSPOOL_ENGINE?.includes('san')) process.env.FAULT_SHIM_SANITIZED = '1';
    this.shim = { path: join(root, 'build/fault-shim.so'), softhsmConf: this.config.softhsmConf };
  }

  /** From now on it does so, and no longer what was ordered before. */
  order(...orders: string[]): void {
    writeFileSync(`${this.#orders}.new`, orders.map((each) => `${each}\n`).join(''));
    renameSync(`${this.#orders}.new`, this.#orders);
  }

  /** How often the function was called while `during` ran. */
  async calls(name: string, during: () => Promise<unknown>): Promise<number> {
    const before = this.#count(name);
    await during();
    return this.#count(name) - before;
  }

  #count(name: string): number {
    if (!existsSync(this.#calls)) return 0;
    return readFileSync(this.#calls, 'utf8')
      .split('\n')
      .filter((line) => line === name).length;
  }
}
