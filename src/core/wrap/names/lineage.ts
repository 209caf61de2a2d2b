import { parentOf } from '../../engine/process.ts';
import type { ProcessId } from './name-table.ts';

/**
 * A process and its ancestors, the nearest first, up to but without `root`. Short when a process is gone: what it
 * was told then stays known to the tree.
 */
export function lineageOf(process: ProcessId, root: ProcessId): ProcessId[] {
  const lineage: ProcessId[] = [];
  let next = process;
  while (next > 1 && next !== root && lineage.length < deepest) {
    lineage.push(next);
    next = parentOf(next);
  }
  return lineage;
}

const deepest = 64;
