import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { systemReason, TlspoolError } from '../errors.ts';

/** A file that the command line names; `-` is stdin. @throws TlspoolError `unreadable-file` */
export async function readInput(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (cause) {
    const message = `cannot read ${path}: ${systemReason(cause)}`;
    throw new TlspoolError('unreadable-file', message, { cause });
  }
}
