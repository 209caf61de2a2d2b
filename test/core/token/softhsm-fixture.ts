import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initializeToken, requireBlankToken } from '../../../src/core/token/initialize-token.ts';
import { LoadedModule } from '../../../src/core/token/loaded-module.ts';
import type { ModuleConfig } from '../../../src/core/token/modules.ts';
import { createSoftHsm } from '../../../src/core/token/softhsm.ts';
import { openToken, type TokenSession } from '../../../src/core/token/token-session.ts';

export const PIN = '24681357';
export const SO_PIN = '87654321';

/** A SoftHSM with one token in a folder of its own. */
export interface SoftHsm extends Disposable {
  readonly folder: string;
  readonly config: ModuleConfig;
  /** Of the token. */
  readonly uri: string;
  open(pin?: string): TokenSession;
  /** What pkcs11-tool, another implementation's client, says. */
  tool(...args: string[]): string;
}

export async function softHsm(label = 'test'): Promise<SoftHsm> {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-softhsm-'));
  const config = await createSoftHsm(folder);
  using module = LoadedModule.open(config);
  const uri = initializeToken(module, requireBlankToken(module), {
    label,
    pin: Buffer.from(PIN),
    soPin: Buffer.from(SO_PIN),
  });
  return {
    folder,
    config,
    uri,
    open: (pin = PIN) => openToken(config, uri, Buffer.from(pin)),
    tool: (...args) =>
      execFileSync(
        'pkcs11-tool',
        ['--module', config.path, '--token-label', label, '--login', '--pin', PIN, ...args],
        { encoding: 'utf8', env: { ...process.env, SOFTHSM2_CONF: config.softhsmConf } },
      ),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
