/** What the kernel shows of processes. They and their threads come and go while it is read: of what is gone there is nothing. */
import { readdirSync, readFileSync } from 'node:fs';

/** Names of its threads; of an ended process: none. */
export function threadNames(pid: number | 'self'): string[] {
  return threadsOf(pid)
    .map((thread) => readIfThere(`/proc/${pid}/task/${thread}/comm`).trim())
    .filter(Boolean);
}

/** Of each of its threads that has this name: the signals that it blocks, as bits. */
export function blockedSignals(pid: number | 'self', name: string): bigint[] {
  return threadsOf(pid)
    .map((thread) => readIfThere(`/proc/${pid}/task/${thread}/status`))
    .filter((status) => /^Name:\s*(.*)$/m.exec(status)?.[1] === name)
    .map((status) => BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(status)?.[1]}`));
}

/** Process ids; of an ended process: none. */
export function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    readIfThere(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** Process ids, its children's children among them. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Whether it does anything still; one that ended and that nobody waited for (a zombie) does not. */
export function runs(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(readIfThere(`/proc/${pid}/status`));
}

/** '' if it is not there, or not any more, or is another user's. */
export function readIfThere(file: string): string {
  return unlessGone(() => readFileSync(file, 'latin1'), '');
}

function threadsOf(pid: number | 'self'): string[] {
  return unlessGone(() => readdirSync(`/proc/${pid}/task`), []);
}

function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return otherwise;
    throw error;
  }
}
