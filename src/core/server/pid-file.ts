import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { TlspoolError } from '../errors.ts';

/** Notes this process at a path that programs read; the returned function takes the note away. */
export function writePidFile(path: string): () => void {
  const own = `${process.pid}\n`;
  // Readers see the old file or the new one, never half of it, and no link is followed.
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, own, { mode: 0o644, flag: 'wx' });
    renameSync(draft, path);
  } catch (cause) {
    throw new TlspoolError('pid-file', `cannot write ${path}: ${(cause as Error).message}`, {
      hint: 'Give another path in daemon_pidfile, or leave it out.',
      cause,
    });
  }
  return () => {
    if (readFileSync(path, 'utf8') === own) unlinkSync(path);
  };
}
