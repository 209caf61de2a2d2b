import { TlspoolError, UsageError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { parsePinSource, readPin } from '../token/pin-source.ts';
import { openToken, type TokenSession } from '../token/token-session.ts';
import { formatPkcs11Uri, matchPkcs11Uri, parsePkcs11Uri, tokenPart } from '../token/uri.ts';

/** Where the PIN comes from if the store does not say: a question to a person, a file. Returns what is to be wiped. */
export type PinAnswer = (token: string) => Promise<Buffer>;

export interface TokenChoice {
  /** `pkcs11:` URI of the token or of an object in it; undefined: the only one. */
  readonly uri?: string | undefined;
  /** Asked before the source in the store, if given. */
  readonly pin?: PinAnswer | undefined;
  /** Asked if the store has no source. */
  readonly ask: PinAnswer;
}

/**
 * Logs in to a token of the store. The caller closes the session.
 * Throws UsageError, TlspoolError `no-token`, `pin-…`, TokenError.
 */
export async function openIdentityToken(store: Store, choice: TokenChoice): Promise<TokenSession> {
  const token = await chooseToken(store, choice.uri);
  const pin = await pinOf(token, choice);
  try {
    return openToken(
      { path: token.module_path, ...(token.softhsm_conf && { softhsmConf: token.softhsm_conf }) },
      token.uri,
      pin,
    );
  } finally {
    pin.fill(0);
  }
}

interface StoredToken {
  readonly uri: string;
  readonly module_path: string;
  readonly pin_source: string | null;
  readonly softhsm_conf: string | null;
}

async function chooseToken(store: Store, uri: string | undefined): Promise<StoredToken> {
  const all = await store.db
    .selectFrom('tokens')
    .innerJoin('modules', 'modules.path', 'tokens.module_path')
    .select(['tokens.uri', 'tokens.module_path', 'tokens.pin_source', 'modules.softhsm_conf'])
    .orderBy('tokens.uri')
    .execute();
  const wanted = uri === undefined ? {} : tokenPart(parsePkcs11Uri(uri));
  const [token, another] = all.filter((each) => matchPkcs11Uri(wanted, parsePkcs11Uri(each.uri)));
  const known = all.map((each) => each.uri).join(', ');
  if (token === undefined) {
    throw new TlspoolError('no-token', `the pool has no token ${formatPkcs11Uri(wanted)}`, {
      hint: known === '' ? 'Make one with `tlspool tokens init`.' : `It has ${known}.`,
    });
  }
  if (another !== undefined) {
    throw new UsageError('the pool has several tokens', `Choose one with --token: ${known}.`);
  }
  return token;
}

async function pinOf(token: StoredToken, { pin, ask }: TokenChoice): Promise<Buffer> {
  if (pin !== undefined) return pin(token.uri);
  if (token.pin_source !== null) return readPin(parsePinSource(token.pin_source));
  return ask(token.uri);
}
