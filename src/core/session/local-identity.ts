import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai, parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import type { LocalIdentity } from '../identity/local-identities.ts';
import { formatSelector, isDonai, matches, type Selector } from '../identity/selector.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';

/** Finds an identity of ours that can show itself under a name. */
export type Finder = (id: Donai) => LocalIdentity | undefined;

/** Who we are in one session: the name, and the identity that proves it (a wildcard's name differs). */
export interface Myself {
  readonly name: Donai;
  readonly identity: LocalIdentity;
  /** On the fly. */
  readonly made?: boolean;
}

/** The program named nobody that we are. */
export function requireIdentity(name: Donai, find: Finder): Myself {
  const identity = find(name);
  if (identity !== undefined) return { name, identity };
  const text = formatDonai(name);
  throw new PosixError(
    'ENOENT',
    `there is no local identity ${text} for this role`,
    `tlspool identities create ${text}`,
  );
}

/**
 * Who a server is, if the ClientHello makes no difference: the application's localid beats SNI, and a listener that is
 * meant for one identity shows it whatever the SNI. undefined: SNI decides.
 */
export function withoutAsking(
  localId: Donai | undefined,
  listener: readonly Selector[],
  find: Finder,
): Myself | undefined {
  if (localId !== undefined) return requireIdentity(localId, find);
  const [only, ...others] = listener;
  if (only === undefined || others.length > 0 || !isDonai(only)) return undefined;
  return requireIdentity(only, find);
}

/**
 * Who a server is by SNI: among the identities that the listener is meant for, or among all if it does not say. Without
 * SNI the first concrete one of the listener. undefined: nobody.
 */
export function bySni(
  serverName: string | undefined,
  listener: readonly Selector[],
  find: Finder,
): Myself | undefined {
  if (serverName === undefined) {
    const first = listener.find(isDonai);
    return first && requireIdentity(first, find);
  }
  const name = nameOf(serverName);
  if (name === undefined) return undefined;
  if (listener.length > 0 && !listener.some((selector) => matches(selector, name)))
    return undefined;
  const identity = find(name);
  return identity && { name, identity };
}

/** The name that a server is wanted under, whether it is one of ours or not. */
export function wantedName(
  localId: Donai | undefined,
  serverName: string | undefined,
  listener: readonly Selector[],
): Donai | undefined {
  if (localId !== undefined) return localId;
  if (serverName === undefined) return listener.find(isDonai);
  const name = nameOf(serverName);
  const meant = listener.length === 0 || listener.some((each) => name && matches(each, name));
  return meant ? name : undefined;
}

/** SNI is a host name (RFC 6066 section 3), not always one that can be a domain of ours. */
function nameOf(serverName: string | undefined): Donai | undefined {
  if (serverName === undefined) return undefined;
  try {
    return parseDonai(serverName);
  } catch (error) {
    if (error instanceof DonaiError) return undefined;
    throw error;
  }
}

/** An identity is to be made, and nothing is configured that could. */
export function noSigner(name: Donai): PoolError {
  return new PoolError(
    'COMMAND_NOTIMPL',
    `${formatDonai(name)} would have to be made on the fly, and there is no signer`,
    'Configure tls_onthefly_signcert and tls_onthefly_signkey.',
  );
}

/** Why nobody was found, for the program and the log. */
export function nobody(
  serverName: string | undefined,
  listener: readonly Selector[],
): TlspoolError {
  const asked = serverName === undefined ? 'no server name' : `the server name ${serverName}`;
  const meant =
    listener.length === 0 ? '' : ` at a listener for ${listener.map(formatSelector).join(', ')}`;
  return new TlspoolError(
    'unrecognized-name',
    `the client sent ${asked}, we are nobody of that name${meant}`,
    {
      hint: 'Create the identity, or give a local identity.',
    },
  );
}
