import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Place } from './target.ts';

/** A PKCS #11 module, and what it reads from the environment. */
export interface Module {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

export const softhsm: Module = { path: '/usr/lib/softhsm/libsofthsm2.so', environment: {} };

/** SoftHSM behind a module that adds 20 ms to every signature, as an HSM on a network may. */
export function slowSofthsm({ binaries }: Place): Module {
  return {
    path: join(binaries, 'fault-shim.so'),
    environment: { FAULT_SHIM_MODULE: softhsm.path, FAULT_SHIM_DELAY: String(20_000) },
  };
}

/** A SoftHSM token. */
export interface Token {
  /** Its `pkcs11:` URI. */
  readonly uri: string;
  readonly pin: string;
  /** File of mode 0600. */
  readonly pinFile: string;
  /** SoftHSM finds its tokens by these. */
  readonly environment: Readonly<Record<string, string>>;
}

// They guard a key that lives for the length of one run.
const label = 'bench';
const pin = '1234';

/** Makes an empty token in `directory`. */
export async function makeToken(directory: string): Promise<Token> {
  const tokens = join(directory, 'tokens');
  await mkdir(tokens, { mode: 0o700 });
  const configuration = join(directory, 'softhsm2.conf');
  await writeFile(
    configuration,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const pinFile = join(directory, 'pin');
  await writeFile(pinFile, pin, { mode: 0o600 });
  const environment = { SOFTHSM2_CONF: configuration };
  const init = ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', pin];
  await run(['softhsm2-util', ...init], environment);
  return { uri: `pkcs11:token=${label}`, pin, pinFile, environment };
}

/** Brings the PEM file `privateKey` into a token; resolves to the `pkcs11:` URI of the key. */
export async function importKey(token: Token, privateKey: string): Promise<string> {
  const names = ['--token', label, '--label', label, '--id', '01', '--pin', pin];
  await run(['softhsm2-util', '--import', privateKey, ...names], token.environment);
  return `${token.uri};object=${label}`;
}
