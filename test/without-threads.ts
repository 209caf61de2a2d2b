import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Bytes; less than the stack of a thread takes, and enough for what else goes on for a moment. */
const left = 7 * 2 ** 20;

/** Why tests of this kind cannot run; false if they can. */
export const skip =
  process.env.TLSPOOL_ENGINE?.includes('san') === true && 'a sanitizer needs address space itself';

/**
 * Does something while this process has no address space for another thread. Of use once in a process, and before others
 * ended: a thread that did leaves its stack to the next one.
 */
export function withoutThreads<Result>(act: () => Result): Result {
  limitAddressSpace(occupied() + left);
  try {
    return act();
  } finally {
    limitAddressSpace('unlimited');
  }
}

/** Bytes of address space that this process has. */
function occupied(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmSize:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** @param soft bytes, or `unlimited` */
function limitAddressSpace(soft: number | string): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--as=${soft}:`]);
}
