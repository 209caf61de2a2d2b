import { readFileSync } from 'node:fs';

/**
 * The soft limit of open files that this process was started with, as a program of ours is to have it: Node raises its
 * own to the hard limit before any of our code runs. Found by what our parent has: limits are inherited. A parent that
 * set ours is a service manager, which gives both limits the same value, or else systemd's default. undefined: unknown.
 */
export function originalFileLimit(): number | undefined {
  try {
    const own = limits('self');
    const parent = limits(String(process.ppid));
    if (own.hard === parent.hard) return parent.soft;
    return own.hard === systemdDefault.hard ? systemdDefault.soft : own.hard;
  } catch {
    // A parent of another user, or none that we see.
    return undefined;
  }
}

/** DefaultLimitNOFILE= of systemd-system.conf(5). */
const systemdDefault = { soft: 1024, hard: 524_288 };

function limits(process: string): { readonly soft: number; readonly hard: number } {
  const text = readFileSync(`/proc/${process}/limits`, 'utf8');
  const [, soft = '', hard = ''] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(text) ?? [];
  if (soft === '') throw new Error('limits without an end');
  return { soft: Number(soft), hard: Number(hard) };
}
