import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { TlspoolError } from '../errors.ts';

/** A file that the command line names; `-` is stdin. @throws TlspoolError `unreadable-file` */
export async function readInput(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlspoolError('unreadable-file', `cannot read ${path}: ${reason}`, { cause });
  }
}
