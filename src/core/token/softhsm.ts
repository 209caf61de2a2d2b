/** A SoftHSM of the pool's own, in its state folder: configuration and token files, private to its user. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TlspoolError } from '../errors.ts';
import { findSoftHsm, type ModuleConfig } from './modules.ts';

/** Where its parts are in the state folder. */
export function softHsmPaths(stateDir: string): { conf: string; tokens: string } {
  return { conf: join(stateDir, 'softhsm2.conf'), tokens: join(stateDir, 'tokens') };
}

/**
 * Writes the configuration and makes the folder for the tokens; both must not exist.
 * @throws TlspoolError `no-softhsm`, `bad-state-dir`; system errors
 */
export async function createSoftHsm(stateDir: string): Promise<ModuleConfig> {
  const path = findSoftHsm();
  const { conf, tokens } = softHsmPaths(stateDir);
  requireWritableIn(stateDir);
  await mkdir(tokens, { mode: 0o700 });
  await writeFile(conf, configuration(tokens), { mode: 0o600, flag: 'wx' });
  return { path, softhsmConf: conf };
}

function configuration(tokens: string): string {
  return [
    '# Written by tlspool init. The keys of the pool are in this folder.',
    `directories.tokendir = ${tokens}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    '',
  ].join('\n');
}

/** SoftHSM's configuration has no way to quote these. */
function requireWritableIn(stateDir: string): void {
  if (/[#=\n\r]/.test(stateDir)) {
    throw new TlspoolError(
      'bad-state-dir',
      `SoftHSM cannot be configured in ${JSON.stringify(stateDir)}: the path has a \`#\`, a \`=\` or a line break`,
      { hint: 'Choose another folder with --state-dir.' },
    );
  }
}
