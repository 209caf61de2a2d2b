/** One more token for a pool: made, or one that exists already; opened once, and remembered. */
import { join } from 'node:path';
import { TlspoolError, UsageError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { createToken } from './create-token.ts';
import { findSoftHsm, type ModuleConfig } from './modules.ts';
import { formatPinSource, type PinSource, readPin } from './pin-source.ts';
import { registeredModules, registeredTokens, registerToken } from './registered-tokens.ts';
import { createSoftHsm, softHsmPaths } from './softhsm.ts';
import { openToken } from './token-session.ts';
import { formatPkcs11Uri, matchPkcs11Uri, parsePkcs11Uri, tokenPart } from './uri.ts';

export interface TokenAddition {
  /** Absolute. */
  readonly stateDir: string;
  /**
   * Undefined: the module of a token that is known already, and for a new one the pool's own SoftHSM, which
   * is made if there is none.
   */
  readonly module: ModuleConfig | undefined;
  readonly token:
    | {
        readonly label: string;
        /** Undefined: a random one, in a new file of the state folder. */
        readonly pinSource: PinSource | undefined;
        readonly soPinSource: PinSource | undefined;
      }
    /** It exists already. */
    | {
        readonly uri: string;
        /** Where the daemon finds the PIN; undefined: people are asked. */
        readonly pinSource: PinSource | undefined;
        /** Where it is now, if only the daemon will get that source. */
        readonly pinNow: PinSource | undefined;
        /** Asks a person for the PIN, if no source has it. */
        readonly ask: () => Promise<Buffer>;
      };
}

export interface AddedToken {
  /** Canonical. */
  readonly uri: string;
  /** Path of the module. */
  readonly module: string;
  /** `ask`: people are asked. */
  readonly pinSource: string;
  /** Of the security officer; undefined if the token existed already. */
  readonly soPinSource: string | undefined;
}

/** @throws TlspoolError, TokenError; the token is remembered only if it could be logged in to. */
export async function addToken(store: Store, addition: TokenAddition): Promise<AddedToken> {
  const module = await chooseModule(store, addition);
  const { uri, pinSource, soPinSource, pinNow, ask } = await obtain(module, addition);

  const source = pinNow ?? pinSource;
  const pin = source === undefined ? await ask() : await readPin(source);
  using session = openToken(module, uri, pin);
  pin.fill(0);
  await store.transaction((transaction) =>
    registerToken(transaction, module, { uri: session.uri, pinSource }),
  );
  return {
    uri: session.uri,
    module: module.path,
    pinSource: pinSource === undefined ? 'ask' : formatPinSource(pinSource),
    soPinSource: soPinSource && formatPinSource(soPinSource),
  };
}

async function chooseModule(store: Store, addition: TokenAddition): Promise<ModuleConfig> {
  const { module, token, stateDir } = addition;
  const wanted = 'uri' in token ? parsePkcs11Uri(token.uri) : undefined;
  const known = await registeredModules(store.db);
  if (module !== undefined) return known.find(({ path }) => path === module.path) ?? module;
  if (wanted === undefined) return ownSoftHsm(stateDir, known);

  const registered = (await registeredTokens(store.db)).find(({ uri }) =>
    matchPkcs11Uri(tokenPart(wanted), parsePkcs11Uri(uri)),
  );
  const config = known.find(({ path }) => path === registered?.modulePath);
  if (config === undefined) {
    throw new UsageError(
      `the pool knows no token ${formatPkcs11Uri(wanted)}`,
      'Name its module with --module.',
    );
  }
  return config;
}

async function obtain(
  module: ModuleConfig,
  { stateDir, token }: TokenAddition,
): Promise<{
  uri: string;
  pinSource: PinSource | undefined;
  soPinSource?: PinSource;
  pinNow?: PinSource | undefined;
  ask: () => Promise<Buffer>;
}> {
  if ('uri' in token) return token;
  const { label, pinSource, soPinSource } = token;
  const name = encodeURIComponent(label);
  const made = await createToken(module, {
    label,
    pin: pinSource ?? { newFile: join(stateDir, `pin-${name}`) },
    soPin: soPinSource ?? { newFile: join(stateDir, `so-pin-${name}`) },
  });
  return { ...made, ask: () => readPin(made.pinSource) };
}

/** Made if the pool was begun with someone else's token. */
async function ownSoftHsm(stateDir: string, known: readonly ModuleConfig[]): Promise<ModuleConfig> {
  const { conf } = softHsmPaths(stateDir);
  const path = findSoftHsm();
  const same = known.find((module) => module.path === path);
  if (same === undefined) return createSoftHsm(stateDir);
  if (same.softhsmConf === conf) return same;
  throw new TlspoolError(
    'softhsm-conf-conflict',
    `the pool uses ${path} with ${same.softhsmConf ?? 'its default configuration'}`,
    { hint: `Make the token there: tlspool tokens init --module ${path}` },
  );
}
