import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, getPriority, loadavg, release, totalmem } from 'node:os';

/** What the numbers were measured on, a line each. */
export function describeMachine(): string[] {
  const distribution = /^PRETTY_NAME="(.+)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  return [
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB memory`,
    `${distribution ?? 'Linux'}, kernel ${release()}`,
    `Node ${process.versions.node} with OpenSSL ${process.versions.openssl}`,
  ];
}

/** What else the machine did when the benchmark began: more than nothing means that figures are worth less. */
export function describeLoad(): string {
  const [, , quarter = 0] = loadavg();
  const priority = getPriority();
  const ours =
    priority === 0 ? '' : `; the benchmark, and all that it measures, ran at niceness ${priority}`;
  return `load average of the quarter of an hour before: ${quarter.toFixed(1)}${ours}`;
}

/** How many files a process may have open: RLIMIT_NOFILE, which Node raises to the hard limit at start. */
export function openFilesLimit(): number {
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  if (limit === undefined) throw new Error('/proc/self/limits shows no limit of open files');
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
}
