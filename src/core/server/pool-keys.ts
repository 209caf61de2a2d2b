import type { TokenSettings } from '../config/settings.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { Keyring } from '../token/keyring.ts';
import type { PinSource } from '../token/pin-source.ts';
import { knownTokens, type RegisteredToken } from '../token/registered-tokens.ts';
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
  { log, askForEachSignature }: { readonly log: Log; readonly askForEachSignature: boolean },
): Promise<PoolKeys> {
  const known = await knownTokens(store.db, configured);
  let tokens = known.tokens;
  const keyring = new Keyring({
    modules: known.modules,
    pinSource: (token) => pinSourceOf(token, tokens),
    log,
    askForEachSignature,
  });
  for (const { uri } of tokens) keyring.open(uri);
  return {
    keyring,
    reload: async () => {
      ({ tokens } = await knownTokens(store.db, configured));
      keyring.reload();
    },
  };
}

/** A key's URI may name its token by fewer attributes than the store does, or by more. */
function pinSourceOf(token: string, tokens: readonly RegisteredToken[]): PinSource | undefined {
  const asked = parsePkcs11Uri(token);
  return tokens.find(({ uri }) => {
    const known = parsePkcs11Uri(uri);
    return matchPkcs11Uri(known, asked) || matchPkcs11Uri(asked, known);
  })?.pinSource;
}
