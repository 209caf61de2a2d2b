import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, outcomeOf, root } from './run-tlspool.ts';

/** From the sources: these tests need no build. */
export const entry = join(root, 'bin/dev.js');

/** An empty folder, and tlspool with its state in there. */
export interface Stage extends Disposable {
  readonly folder: string;
  /** Does not exist at first. */
  readonly stateDir: string;
  tlspool(...args: string[]): Promise<Outcome>;
}

export function stage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-state-'));
  const stateDir = join(folder, 'state');
  return {
    folder,
    stateDir,
    tlspool: (...args) =>
      outcomeOf(process.execPath, [entry, ...args], { TLSPOOL_STATE_DIR: stateDir }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
