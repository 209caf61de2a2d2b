import { homedir, userInfo } from 'node:os';

/** A home for those who have none, where nothing can be read or written: the one that Debian gives. */
const NO_HOME = '/nonexistent';

/**
 * Whoever runs this, as the user database has it. A user id of a container, or of a service, need not have
 * an entry there.
 */
export function homeFolder(): string {
  return orElse(homedir, NO_HOME);
}

/** The user's name; of one without a name, the number. */
export function userName(): string {
  return orElse(() => userInfo().username, `${process.geteuid?.()}`);
}

function orElse(asked: () => string, otherwise: string): string {
  try {
    return asked() || otherwise;
  } catch {
    return otherwise;
  }
}

/** Runs what looks up the user's home and shell, which fails where there is no entry, as if they were known. */
export async function withPersonKnown<T>(
  environment: NodeJS.ProcessEnv,
  act: () => Promise<T>,
): Promise<T> {
  const missing = (['HOME', 'SHELL'] as const).filter((key) => environment[key] === undefined);
  for (const key of missing) environment[key] = key === 'HOME' ? homeFolder() : '';
  try {
    return await act();
  } finally {
    for (const key of missing) delete environment[key];
  }
}
