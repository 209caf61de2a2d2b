import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TlspoolError } from '../errors.ts';

/**
 * Checks before any port is opened that there is a program to run, by execvp(3)'s rules. Fails with exit
 * code 127 (not found) or 126 (found, but cannot be executed).
 */
export function checkExecutable(name: string, searchPath: string | undefined): void {
  const candidates = name.includes('/') ? [name] : searched(name, searchPath);
  const states = candidates.map(stateOf);
  if (states.includes('executable')) return;
  if (states.includes('denied')) {
    throw new TlspoolError('cannot-execute', `program cannot be executed: ${name}`, { exit: 126 });
  }
  throw new TlspoolError('not-found', `program not found: ${name || "''"}`, { exit: 127 });
}

/** The C library's path when PATH is not set. */
const defaultSearchPath = '/bin:/usr/bin';

function searched(name: string, searchPath = defaultSearchPath): string[] {
  if (name === '') return [];
  return searchPath.split(delimiter).map((folder) => join(folder || '.', name));
}

function stateOf(path: string): 'executable' | 'denied' | 'absent' {
  try {
    if (!statSync(path).isFile()) return 'denied';
    accessSync(path, constants.X_OK);
    return 'executable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'denied' : 'absent';
  }
}
