/** A SoftHSM token with known keys in a folder of its own, made by SoftHSM's tool: no module is loaded here. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSoftHsm, type ModuleConfig } from '../../src/core/token/modules.ts';
import { patience } from '../patience.ts';

export const PIN = '24681357';

export type Kind = 'ec-p256' | 'ec-p384' | 'ed25519' | 'rsa-2048' | 'rsa-3072';

export interface SoftKey {
  readonly label: string;
  readonly id: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly publicKeyObject: KeyObject;
}

export class SoftToken implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tlspool-token-'));
  readonly label: string;
  readonly config: ModuleConfig;
  /** Of the token, as short as can be. */
  readonly uri: string;
  readonly pinFile: string;
  #keys = 0;

  constructor(label = 'soft') {
    this.label = label;
    this.uri = `pkcs11:token=${label}`;
    this.pinFile = join(this.folder, 'pin');
    this.writePin(PIN);
    const tokens = this.tokensFolder;
    mkdirSync(tokens);
    const conf = join(this.folder, 'softhsm2.conf');
    writeFileSync(
      conf,
      `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    this.config = { path: findSoftHsm(), softhsmConf: conf };
    this.add(label);
  }

  get tokensFolder(): string {
    return join(this.folder, 'tokens');
  }

  /** One more token in the same SoftHSM. */
  add(label: string): void {
    this.#tool('--init-token', '--free', '--label', label, '--so-pin', '87654321', '--pin', PIN);
  }

  writePin(pin: string): void {
    writeFileSync(this.pinFile, `${pin}\n`, { mode: 0o600 });
  }

  /** Makes a key outside and puts it into the token. */
  key(kind: Kind, label = `key${this.#keys + 1}`, token = this.label): SoftKey {
    this.#keys += 1;
    const id = Buffer.from([this.#keys]);
    const { privateKey, publicKey } = generate(kind);
    const file = join(this.folder, `${label}.pem`);
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const hex = id.toString('hex');
    const key = ['--import', file, '--label', label, '--id', hex];
    this.#tool(...key, '--token', token, '--pin', PIN);
    return {
      label,
      id,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      publicKeyObject: publicKey,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #tool(...args: string[]): void {
    execFileSync('softhsm2-util', args, {
      timeout: patience,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SOFTHSM2_CONF: this.config.softhsmConf },
    });
  }
}

function generate(kind: Kind): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (kind) {
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: 3072 });
  }
}
