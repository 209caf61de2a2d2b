import type { DisclosureEntry } from '../identity/disclosure.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { PosixError } from '../protocol/errors.ts';
import { type Finder, type Myself, requireIdentity } from './local-identity.ts';

/** What the disclosure table says about one remote. */
export interface Disclosed {
  /** While the table is empty, programs say what they show. */
  readonly isEmpty: boolean;
  /** The entry that counts; undefined: nothing is to be shown. */
  readonly entry: DisclosureEntry | undefined;
}

/**
 * Who a client may show itself as, in order of preference: the application's choice alone if it made one, else what
 * disclosure says. Nobody is asked.
 * @param localId what the application says; undefined: nothing
 * @throws PosixError ENOENT, EACCES: the application named someone who we are not, or are not to this remote
 */
export function candidates(
  localId: Donai | undefined,
  disclosed: Disclosed,
  find: Finder,
): Myself[] {
  if (localId !== undefined) {
    requireDisclosed(localId, disclosed);
    return [requireIdentity(localId, find)];
  }
  return (disclosed.entry?.locals ?? []).flatMap((name) => {
    const identity = find(name);
    return identity === undefined ? [] : [{ name, identity }];
  });
}

/** @throws PosixError EACCES */
export function requireDisclosed(localId: Donai, disclosed: Disclosed): void {
  if (isDisclosed(localId, disclosed)) return;
  throw new PosixError(
    'EACCES',
    `${formatDonai(localId)} is not disclosed to this remote`,
    'See tlspool disclose test; tlspool disclose add lets it.',
  );
}

function isDisclosed(localId: Donai, { isEmpty, entry }: Disclosed): boolean {
  if (isEmpty) return true;
  const name = formatDonai(localId);
  return entry?.locals.some((each) => formatDonai(each) === name) ?? false;
}
