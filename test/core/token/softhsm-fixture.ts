import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  initializeToken,
  requireBlankToken,
  setUserPin,
} from '../../../src/core/token/initialize-token.ts';
import { LoadedModule } from '../../../src/core/token/loaded-module.ts';
import type { ModuleConfig } from '../../../src/core/token/modules.ts';
import { createSoftHsm } from '../../../src/core/token/softhsm.ts';
import { openToken, type TokenSession } from '../../../src/core/token/token-session.ts';
import { patience } from '../../patience.ts';

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

/** @returns its URI */
export function addToken(config: ModuleConfig, label: string): string {
  using module = LoadedModule.open(config);
  const soPin = Buffer.from(SO_PIN);
  const token = initializeToken(module, requireBlankToken(module), { label, soPin });
  setUserPin(module, token, { pin: Buffer.from(PIN), soPin });
  return token.uri;
}

export async function softHsm(label = 'test'): Promise<SoftHsm> {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-softhsm-'));
  const config = await createSoftHsm(folder);
  const uri = addToken(config, label);
  return {
    folder,
    config,
    uri,
    open: (pin = PIN) => openToken(config, uri, Buffer.from(pin)),
    tool: (...args) =>
      execFileSync(
        'pkcs11-tool',
        ['--module', config.path, '--token-label', label, '--login', '--pin', PIN, ...args],
        {
          encoding: 'utf8',
          env: { ...process.env, SOFTHSM2_CONF: config.softhsmConf },
          timeout: patience,
        },
      ),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
