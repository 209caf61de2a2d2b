import type { Store } from '../store/store.ts';
import { TokenError } from '../token/failure.ts';
import { findKey } from '../token/find-key.ts';
import { destroyKey } from '../token/keys.ts';
import type { TokenSession } from '../token/token-session.ts';
import { isKeyInUse, removeCredential } from './credentials.ts';
import { openIdentityToken, type TokenChoice } from './identity-token.ts';
import { formatSelector, type Selector } from './selector.ts';

export interface Removal {
  readonly name: Selector;
  /** Numbers of the credentials that go. */
  readonly credentials: readonly number[];
  /** Whether the requests that wait for a certificate go too, and with them all that there is of the identity. */
  readonly requests: boolean;
}

/** Forgets (a part of) an identity; the keys stay in their tokens. */
export async function forget(store: Store, removal: Removal): Promise<void> {
  const donai = formatSelector(removal.name);
  await store.transaction(async (transaction) => {
    for (const id of removal.credentials) await removeCredential(transaction, id);
    if (removal.requests) {
      await transaction.deleteFrom('requests').where('donai', '=', donai).execute();
    }
  });
}

/**
 * The same, and then destroys the keys, for good: those excepted that something else rests on. The tokens are
 * opened before anything is forgotten, so that a wrong PIN changes nothing. Returns the URIs that are gone.
 */
export async function forgetAndDestroy(
  store: Store,
  removal: Removal,
  keyUris: readonly string[],
  token: TokenChoice,
): Promise<string[]> {
  using stack = new DisposableStack();
  const sessions = new Map<string, TokenSession>();
  for (const uri of keyUris) {
    if (sessions.has(uri)) continue;
    sessions.set(uri, stack.use(await openIdentityToken(store, { ...token, uri })));
  }
  await forget(store, removal);
  const destroyed: string[] = [];
  for (const [uri, session] of sessions) {
    if (await isKeyInUse(store.db, uri)) continue;
    if (isThere(session, uri)) destroyKey(session, uri);
    destroyed.push(uri);
  }
  return destroyed;
}

/** A key that somebody destroyed before is as gone as it should be. */
function isThere(session: TokenSession, uri: string): boolean {
  try {
    findKey(session, uri);
    return true;
  } catch (error) {
    if (error instanceof TokenError && error.code === 'key-absent') return false;
    throw error;
  }
}
