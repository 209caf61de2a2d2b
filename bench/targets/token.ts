import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../processes.ts';

/** A PKCS #11 module, and what it reads from the environment. */
export interface Module {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

export const softhsm: Module = { path: '/usr/lib/softhsm/libsofthsm2.so', environment: {} };

/** A SoftHSM token that holds one private key. */
export interface Token {
  /** `pkcs11:` URI of the key. */
  readonly key: string;
  readonly pin: string;
  /** SoftHSM finds its tokens by these. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Makes a token in `directory` and imports the PEM file `privateKey`, for peers that can use one. */
export async function makeToken(directory: string, privateKey: string): Promise<Token> {
  const tokens = join(directory, 'tokens');
  await mkdir(tokens, { mode: 0o700 });
  const configuration = join(directory, 'softhsm2.conf');
  await writeFile(
    configuration,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const environment = { SOFTHSM2_CONF: configuration };
  // Guards a key that lives for the length of this run.
  const pin = '1234';
  const label = 'bench';
  const tool = (...args: string[]) => run(['softhsm2-util', ...args], environment);
  await tool('--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', pin);
  await tool(
    '--import',
    privateKey,
    '--token',
    label,
    '--label',
    label,
    '--id',
    '01',
    '--pin',
    pin,
  );
  return { key: `pkcs11:token=${label};object=${label}`, pin, environment };
}
