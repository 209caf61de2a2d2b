import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entry } from '../built.ts';
import { makeState } from '../made-state.ts';
import { type Outcome, outcomeOf } from './run-tlspool.ts';

/** An empty folder, and tlspool with its state in there. */
export interface Stage extends Disposable {
  readonly folder: string;
  /** Does not exist at first. */
  readonly stateDir: string;
  tlspool(...args: string[]): Promise<Outcome>;
}

/** The same with what `init` makes. */
export async function stageWithState(): Promise<Stage> {
  const made = stage();
  await makeState(made.stateDir);
  return made;
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
