import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './processes.ts';
import type { KeyType } from './targets/target.ts';

/** Files that peers are given; see `Place`. */
interface Credential {
  readonly serverName: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly combined: string;
}

export type Credentials = Readonly<Record<KeyType, Credential>>;

/** Makes a self-signed certificate and its key for either key type. */
export async function makeCredentials(directory: string): Promise<Credentials> {
  return {
    'ec-p256': await make(directory, 'ec', [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
    ]),
    'rsa-2048': await make(directory, 'rsa', ['-newkey', 'rsa:2048']),
  };
}

async function make(
  directory: string,
  name: string,
  newKey: readonly string[],
): Promise<Credential> {
  const file = (ending: string) => join(directory, `${name}.${ending}`);
  const credential = {
    serverName: `${name}.bench.example`,
    certificate: file('crt'),
    privateKey: file('key'),
    combined: file('pem'),
  };
  await run([
    ...['openssl', 'req', '-x509', '-nodes', '-sha256', '-days', '30', ...newKey],
    ...['-subj', `/CN=${credential.serverName}`],
    ...['-addext', `subjectAltName=DNS:${credential.serverName}`],
    ...['-keyout', credential.privateKey, '-out', credential.certificate],
  ]);
  const [key, certificate] = await Promise.all([
    readFile(credential.privateKey, 'utf8'),
    readFile(credential.certificate, 'utf8'),
  ]);
  await writeFile(credential.combined, key + certificate, { mode: 0o600 });
  return credential;
}
