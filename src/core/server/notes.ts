import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { systemReason, TlspoolError } from '../errors.ts';

/** Files by which a running pool is found. Each function returns what takes the file away again. */

/** `tlspool.pid` beside `tlspool.sock`. */
export function pidFileBeside(socket: string): string {
  return `${socket.replace(/\.sock$/, '')}.pid`;
}

/** This process's id in decimal. @throws TlspoolError `unwritable` */
export function writePidFile(path: string): () => void {
  return writeNote(path, `${process.pid}\n`, 'Give another path in daemon_pidfile.');
}

/** In the form of tlspool.conf, for programs that read TLSPOOL_CONFIG_FILE. @throws TlspoolError `unwritable` */
export function writeClientConfig(
  path: string,
  { socket, pidFile }: { readonly socket: string; readonly pidFile: string },
): () => void {
  const text = `# The pool of process ${process.pid}\nsocket_name ${socket}\ndaemon_pidfile ${pidFile}\n`;
  return writeNote(path, text, 'Give another path with --client-config.');
}

/** Readers see the old file or the new one, never half of it, and no link is followed. */
function writeNote(path: string, text: string, hint: string): () => void {
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text, { mode: 0o644, flag: 'wx' });
    renameSync(draft, path);
  } catch (cause) {
    throw new TlspoolError('unwritable', `cannot write ${path}: ${systemReason(cause)}`, {
      hint,
      cause,
    });
  }
  return () => removeNote(path, text);
}

/** Unless it is another's by now. */
function removeNote(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
