import { TlspoolError } from '../errors.ts';
import { LocalIdentities, type LocalIdentity } from '../identity/local-identities.ts';
import { formatSelector } from '../identity/selector.ts';
import { openStore } from '../store/store.ts';
import type { Terms } from './terms.ts';

/** The terms, meant for the only server identity of the state folder when they name none. */
export async function withLocalIdentity<Given extends Terms>(
  terms: Given,
  stateDir: string | undefined,
): Promise<Given> {
  if (terms.role === 'client' || terms.localIds.length > 0) return terms;
  if (stateDir === undefined) {
    throw new TlspoolError('no-identity', 'which identities there are, this user is not told', {
      hint: 'Say which one: --local-id www.example.com',
    });
  }
  const store = await openStore(stateDir, 'read');
  try {
    const identities = new LocalIdentities(store);
    await identities.refresh();
    return { ...terms, localIds: [onlyServerIdentity(identities.list(), stateDir)] };
  } finally {
    await store.close();
  }
}

/**
 * Whom a listener is meant for when nobody said it: the store's only identity for servers. With none or
 * several that would be a guess, and fails.
 */
export function onlyServerIdentity(identities: readonly LocalIdentity[], stateDir: string): string {
  const names = identities.filter(isServer).map(({ donai }) => formatSelector(donai));
  const [only, ...others] = names;
  if (only === undefined) {
    throw new TlspoolError('no-identity', `there is no identity for servers in ${stateDir}`, {
      hint: 'Create one: tlspool identities create www.example.com',
    });
  }
  if (others.length > 0) {
    throw new TlspoolError(
      'several-identities',
      `there are several identities for servers in ${stateDir}: ${names.join(', ')}`,
      { hint: `Say which: --local-id ${only}` },
    );
  }
  return only;
}

function isServer({ credentials }: LocalIdentity): boolean {
  return credentials.some(({ role }) => role !== 'client');
}
