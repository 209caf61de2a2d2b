import { readFileSync } from 'node:fs';

/** The name of a user of this machine; its number if it has none there. */
export function userName(uid: number): string {
  const entry = users().find(([, , number]) => number === String(uid));
  return entry?.[0] ?? String(uid);
}

function users(): string[][] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}
