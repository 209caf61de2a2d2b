import { systemReason, TlspoolError } from '../errors.ts';
import { Flags } from './oclif.ts';

/** For commands whose result is PEM. */
export const outFlag = Flags.string({
  char: 'o',
  helpValue: 'FILE',
  description: 'write to this file (an existing one is replaced) instead of stdout',
});

/** Which of the roots of the local CA; both unless it is said. */
export const rootFlag = (description: string) =>
  Flags.option({
    helpValue: 'ec|rsa|both',
    options: ['ec', 'rsa', 'both'] as const,
    default: 'both' as const,
    description,
  })();

/**
 * To the file, or else to where results go.
 * @returns where it went: the file, or null @throws TlspoolError `unwritable-file`
 */
export async function givePem(
  pem: string,
  file: string | undefined,
  print: (text: string) => void,
): Promise<string | null> {
  if (file === undefined) {
    print(pem.trimEnd());
    return null;
  }
  const { writeFile } = await import('node:fs/promises');
  try {
    await writeFile(file, pem);
  } catch (cause) {
    const message = `cannot write ${file}: ${systemReason(cause)}`;
    throw new TlspoolError('unwritable-file', message, { cause });
  }
  return file;
}
