import { getSystemErrorMap } from 'node:util';
import { TlspoolError } from '../errors.ts';

/** Why a system call failed, in a few words, for the end of a sentence. */
export function reason(error: unknown): string {
  const number = error instanceof TlspoolError ? error.wire : undefined;
  const known = number === undefined ? undefined : getSystemErrorMap().get(-number);
  if (known) return known[1];
  return error instanceof Error ? error.message : String(error);
}
