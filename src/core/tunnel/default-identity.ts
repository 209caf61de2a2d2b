import type { TlsRole } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { LocalIdentities, type LocalIdentity } from '../identity/local-identities.ts';
import { wildcardOf } from '../identity/local-name.ts';
import { formatSelector, isDonai, parseSelector } from '../identity/selector.ts';
import { openStore } from '../store/store.ts';
import type { Terms } from './terms.ts';

/**
 * The terms, with identities that there are: those that they name, else, for servers, the only one of the state folder.
 * Where this user is not told which there are, or does not see the folder, names are left to the daemon.
 */
export async function withLocalIdentity<Given extends Terms>(
  terms: Given,
  stateDir: string | undefined,
): Promise<Given> {
  const named = namesIn(terms);
  if (terms.role === 'client' && named.length === 0) return terms;
  if (stateDir === undefined) {
    if (named.length > 0) return terms;
    throw new TlspoolError('no-identity', 'which identities there are, this user is not told', {
      hint: 'Say which one: --local-id www.example.com',
    });
  }
  const identities = await readIdentities(stateDir).catch((error: unknown) => {
    if (named.length > 0 && error instanceof TlspoolError) return undefined;
    throw error;
  });
  if (identities === undefined) return terms;
  if (named.length === 0) return { ...terms, localIds: [onlyServerIdentity(identities, stateDir)] };
  for (const name of named) requireIdentity(name, terms.role, identities, stateDir);
  return terms;
}

function namesIn(terms: Terms): readonly string[] {
  if (terms.role === 'server') return terms.localIds;
  return terms.localId === undefined ? [] : [terms.localId];
}

async function readIdentities(stateDir: string): Promise<readonly LocalIdentity[]> {
  await using store = await openStore(stateDir, 'read');
  const identities = new LocalIdentities(store);
  await identities.refresh();
  return identities.list();
}

/**
 * A name that nobody can show would be found out by the first client only. What a selector stands for may come later.
 * @throws TlspoolError `no-identity`
 */
export function requireIdentity(
  name: string,
  role: TlsRole,
  identities: readonly LocalIdentity[],
  stateDir: string,
): void {
  const asked = parseSelector(name);
  if (!isDonai(asked)) return;
  const fitting = [formatSelector(asked), wildcardOf(asked)];
  const isThere = identities.some(
    (identity) => isFor(role, identity) && fitting.includes(formatSelector(identity.donai)),
  );
  if (isThere) return;
  throw new TlspoolError(
    'no-identity',
    `there is no identity ${name} for ${role}s in ${stateDir}`,
    { hint: `See \`tlspool identities list\`, or create it: tlspool identities create ${name}` },
  );
}

/**
 * Whom a listener is meant for when nobody said it: the store's only identity for servers. With none or
 * several that would be a guess, and fails.
 */
export function onlyServerIdentity(identities: readonly LocalIdentity[], stateDir: string): string {
  const names = identities
    .filter((identity) => isFor('server', identity))
    .map(({ donai }) => formatSelector(donai));
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

function isFor(role: TlsRole, { credentials }: LocalIdentity): boolean {
  return credentials.some((credential) => credential.role === role || credential.role === 'both');
}
