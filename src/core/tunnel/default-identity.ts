import { TlspoolError } from '../errors.ts';
import type { LocalIdentity } from '../identity/local-identities.ts';
import { formatSelector } from '../identity/selector.ts';

/**
 * Whom a listener is meant for when nobody said it: the store's only identity for servers. With none or
 * several that would be a guess, and fails.
 */
export function onlyServerIdentity(identities: readonly LocalIdentity[], stateDir: string): string {
  const names = identities.filter(isServer).map(({ donai }) => formatSelector(donai));
  const [only, ...others] = names;
  if (only === undefined) {
    throw new TlspoolError('no-identity', `There is no identity for servers in ${stateDir}.`, {
      hint: 'Create one: tlspool identities create www.example.com',
    });
  }
  if (others.length > 0) {
    throw new TlspoolError(
      'several-identities',
      `There are several identities for servers in ${stateDir}: ${names.join(', ')}.`,
      { hint: `Say which: --local-id ${only}` },
    );
  }
  return only;
}

function isServer({ credentials }: LocalIdentity): boolean {
  return credentials.some(({ role }) => role !== 'client');
}
