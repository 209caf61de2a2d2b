import { readFileSync } from 'node:fs';
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

/** proc_pid_stat(5): after the parenthesised name come state and ppid. 0 if the process is gone. */
function parentOf(process: ProcessId): ProcessId {
  try {
    const stat = readFileSync(`/proc/${process}/stat`, 'latin1');
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 0;
  }
}
