import { readFileSync } from 'node:fs';
import { readProcess, startOf } from '../engine/process.ts';
import { PosixError } from '../protocol/errors.ts';
import type { ClaimedProcess } from '../protocol/extension.ts';
import { lineageOf } from './names/lineage.ts';
import type { ProcessId } from './names/name-table.ts';

/**
 * The process for which the pool is asked, in place of wrap itself.
 * @param task a process, or one of its threads
 * @throws PosixError ESRCH if it is gone
 */
function askingProcess(task: number): ClaimedProcess {
  const pid = leaderOf(task);
  const facts = pid === undefined ? undefined : readProcess(pid);
  if (facts !== undefined) return { pid: facts.pid, started: facts.started };
  throw new PosixError('ESRCH', `process ${task} is gone`);
}

/**
 * For whom it is that a process listens: itself, unless root took the port and then left the listening to somebody, as
 * servers do that give root up in between. That is root's own choice then, as nobody else could have taken the port
 * nor have got the socket but from root. undefined: we are that root ourselves.
 * @param owner who made the socket
 * @throws PosixError ESRCH if the process is gone
 */
export function listeningProcess(
  listener: ProcessId,
  owner: number,
  port: number,
): ClaimedProcess | undefined {
  if (ownId !== root || owner !== root || !isRoots(port)) return askingProcess(listener);
  for (const pid of lineageOf(listener, ownPid)) {
    const facts = readProcess(pid);
    if (facts?.uids[effective] === root) return { pid: facts.pid, started: facts.started };
  }
  return undefined;
}

const root = 0;
/** Among the ids of a process. */
const effective = 1;
const { pid: ownPid } = process;
const ownId = process.getuid?.();

/** ip(7), ip_unprivileged_port_start */
function isRoots(port: number): boolean {
  const first = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8');
  return port > 0 && port < Number(first);
}

/** The same for a process that was just started; one that is over already is nobody, to the pool too. */
export function startedProcess(pid: number | undefined): ClaimedProcess | undefined {
  if (pid === undefined) return undefined;
  return { pid, started: startOf(pid) };
}

function leaderOf(task: number): number | undefined {
  try {
    const leader = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${task}/status`, 'utf8'))?.[1];
    return leader === undefined ? undefined : Number(leader);
  } catch {
    return undefined;
  }
}
