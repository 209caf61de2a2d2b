import { readFileSync } from 'node:fs';
import { readProcess } from '../engine/process.ts';
import { PosixError } from '../protocol/errors.ts';
import type { ClaimedProcess } from '../protocol/extension.ts';

/**
 * The process for which the pool is asked, in place of wrap itself.
 * @param task a process, or one of its threads
 * @throws PosixError ESRCH if it is gone
 */
export function askingProcess(task: number): ClaimedProcess {
  const pid = leaderOf(task);
  const facts = pid === undefined ? undefined : readProcess(pid);
  if (facts !== undefined) return { pid: facts.pid, started: facts.started };
  throw new PosixError('ESRCH', `process ${task} is gone`);
}

/** The same for a process that was just started; one that is over already is nobody, to the pool too. */
export function startedProcess(pid: number | undefined): ClaimedProcess | undefined {
  if (pid === undefined) return undefined;
  return { pid, started: readProcess(pid)?.started ?? 0 };
}

function leaderOf(task: number): number | undefined {
  try {
    const leader = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${task}/status`, 'utf8'))?.[1];
    return leader === undefined ? undefined : Number(leader);
  } catch {
    return undefined;
  }
}
