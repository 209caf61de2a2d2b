import { TlspoolError } from '../errors.ts';
import type { TokenChoice } from '../identity/identity-token.ts';
import { parseLocalName } from '../identity/local-name.ts';
import { makeIdentity } from '../identity/new-identity.ts';
import type { Store } from '../store/store.ts';
import { type EndingCredential, endingCredentials } from './ending-credentials.ts';
import { renewalHint } from './identity-concerns.ts';

export interface RenewalOrder {
  /** The only identity to look at, in its canonical form; undefined: all. */
  readonly id: string | undefined;
  /** Days before its end from which a certificate is renewed; undefined: when it should be. */
  readonly within: number | undefined;
  /** Nothing is made, only said. */
  readonly dryRun: boolean;
  /** See Subject of the authority. */
  readonly url: string | undefined;
}

interface Named {
  readonly id: string;
  readonly role: EndingCredential['role'];
  readonly keyType: EndingCredential['keyType'];
}

export interface Renewal {
  /** Ends of what is new are null in a dry run. */
  readonly renewed: readonly (Named & { readonly notAfter: Date | null })[];
  /** What has to be renewed, and was not. */
  readonly left: readonly (Named & { readonly reason: string; readonly hint: string | null })[];
}

/**
 * Has the local CA certify new keys for identities whose certificates it signed and that end. What it has revoked, what
 * vouches for itself and is known to others by its key, and what another CA signed is left to people.
 */
export async function renewIdentities(
  store: Store,
  order: RenewalOrder,
  token: Pick<TokenChoice, 'pin' | 'ask'>,
): Promise<Renewal> {
  const renewed: Renewal['renewed'][number][] = [];
  const left: Renewal['left'][number][] = [];
  for (const credential of await dueCredentials(store, order)) {
    const { id, role, keyType } = credential;
    const named = { id, role, keyType };
    if (credential.signedBy !== 'local-ca' || credential.code === 'identity-revoked') {
      left.push({ ...named, reason: reasonOf(credential), hint: renewalHint(credential) });
      continue;
    }
    try {
      const notAfter = order.dryRun ? null : await renew(store, credential, order, token);
      renewed.push({ ...named, notAfter });
    } catch (error) {
      // One token that is away keeps no other identity from being renewed.
      if (!(error instanceof TlspoolError)) throw error;
      left.push({ ...named, reason: error.message, hint: error.hint ?? null });
    }
  }
  return { renewed, left };
}

/** One for each kind of key and role of an identity, whichever of several is found first. */
async function dueCredentials(store: Store, { id, within }: RenewalOrder) {
  const all = await endingCredentials(store.db, new Date(), within);
  const wanted = all.filter((each) => id === undefined || each.id === id);
  const kinds = new Map(wanted.map((each) => [[each.id, each.role, each.keyType].join(' '), each]));
  return [...kinds.values()];
}

async function renew(
  store: Store,
  { id, role, keyType, keyUri, lifetime }: EndingCredential,
  { url }: RenewalOrder,
  token: Pick<TokenChoice, 'pin' | 'ask'>,
): Promise<Date> {
  const made = await makeIdentity(
    store,
    {
      name: parseLocalName(id),
      role,
      keyType,
      selfSigned: false,
      days: Math.max(1, Math.round(lifetime)),
      url,
      renew: true,
    },
    { ...token, uri: keyUri },
  );
  return made.notAfter;
}

function reasonOf({ code, words, signedBy }: EndingCredential): string {
  if (code === 'identity-revoked') return words;
  return signedBy === 'itself' ? `${words}; it is self-signed` : `${words}; another CA signed it`;
}
