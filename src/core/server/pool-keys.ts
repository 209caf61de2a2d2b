import { resolve } from 'node:path';
import type { TokenSettings } from '../config/settings.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { Keyring } from '../token/keyring.ts';
import type { ModuleConfig } from '../token/modules.ts';
import type { PinSource } from '../token/pin-source.ts';
import {
  type RegisteredToken,
  registeredModules,
  registeredTokens,
} from '../token/registered-tokens.ts';
import { matchPkcs11Uri, parsePkcs11Uri } from '../token/uri.ts';

/** The keys of a pool, in the tokens that its store and its configuration name. */
export interface PoolKeys {
  readonly keyring: Keyring;
  /** PIN sources are read anew, from the store and then from where they point. */
  reload(): Promise<void>;
}

export async function openKeys(
  store: Store,
  configured: TokenSettings | undefined,
  log: Log,
): Promise<PoolKeys> {
  let tokens = await allTokens(store, configured);
  const keyring = new Keyring({
    modules: await allModules(store, configured),
    pinSource: (token) => pinSourceOf(token, tokens),
    log,
  });
  for (const { uri } of tokens) keyring.open(uri);
  return {
    keyring,
    reload: async () => {
      tokens = await allTokens(store, configured);
      keyring.reload();
    },
  };
}

async function allModules(
  store: Store,
  configured: TokenSettings | undefined,
): Promise<ModuleConfig[]> {
  const modules = await registeredModules(store.db);
  const known = configured === undefined || modules.some(({ path }) => path === configured.module);
  return known ? modules : [...modules, { path: resolve(configured.module) }];
}

/** The store's tokens go first: what is registered there says more than what is configured for all of a module. */
async function allTokens(
  store: Store,
  configured: TokenSettings | undefined,
): Promise<readonly RegisteredToken[]> {
  const registered = await registeredTokens(store.db);
  if (configured === undefined) return registered;
  const { module, uri = 'pkcs11:', pinFile } = configured;
  const pinSource: PinSource | undefined =
    pinFile === undefined ? undefined : { kind: 'file', path: pinFile };
  return [...registered, { uri, modulePath: module, pinSource }];
}

/** A key's URI may name its token by fewer attributes than the store does, or by more. */
function pinSourceOf(token: string, tokens: readonly RegisteredToken[]): PinSource | undefined {
  const asked = parsePkcs11Uri(token);
  return tokens.find(({ uri }) => {
    const known = parsePkcs11Uri(uri);
    return matchPkcs11Uri(known, asked) || matchPkcs11Uri(asked, known);
  })?.pinSource;
}
