import { resolve } from 'node:path';
import type { TokenChoice } from '../identity/identity-token.ts';
import { Flags } from './oclif.ts';
import type { Prompts } from './prompts.ts';

const pinFile = Flags.string({
  helpValue: 'FILE',
  description:
    "file with the token's PIN, readable by its owner only [default: the source that the pool knows]",
});

/** What commands say alike that use some token. */
export const tokenFlags = {
  token: Flags.string({
    helpValue: 'URI',
    description: 'pkcs11: URI of the token; needed only if the pool has several',
  }),
  'pin-file': pinFile,
};

/** What commands say alike whose token is known by its key. */
export const pinFlags = { 'pin-file': pinFile };

/** How the flags say that a token is chosen and opened; without them and a known source, a person is asked. */
export function tokenChoice(
  flags: { token?: string | undefined; 'pin-file'?: string | undefined },
  prompts: Prompts,
): TokenChoice {
  const path = flags['pin-file'];
  return {
    uri: flags.token,
    pin: path === undefined ? undefined : () => readSecretFile(path),
    ask: async (token) => Buffer.from(await prompts.secret(`PIN of ${token}:`, '--pin-file')),
  };
}

/** One line that only its owner can read: a PIN, a passphrase. The caller wipes it. */
export async function readSecretFile(path: string): Promise<Buffer> {
  const { readPin } = await import('../token/pin-source.ts');
  return readPin({ kind: 'file', path: resolve(path) });
}
