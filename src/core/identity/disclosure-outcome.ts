import type { Disclosure } from './disclosure.ts';
import { type Donai, formatDonai } from './donai.ts';
import type { LocalIdentity } from './local-identities.ts';
import { formatSelector, walk } from './selector.ts';

/** What a remote would see of a client, and why, if no program chooses. */
export interface DisclosureOutcome {
  /** null: nothing. */
  readonly shown: string | null;
  /** Completes "…: ". */
  readonly reason: string;
  /** The walk: what is disclosed at each step, and whether that step is the one that counts. */
  readonly steps: readonly {
    readonly selector: string;
    readonly locals: readonly string[];
    readonly counts: boolean;
  }[];
}

/**
 * @param named what the program says it is; undefined: it does not say
 * @param find finds identities that have credentials for clients
 */
export function outcomeFor(
  remote: Donai,
  named: Donai | undefined,
  disclosure: Disclosure,
  find: (id: Donai) => LocalIdentity | undefined,
): DisclosureOutcome {
  const matching = disclosure.matching(remote);
  const counting = matching[0];
  const steps = walk(remote).map((step, level) => ({
    selector: formatSelector(step),
    locals: (matching.find((entry) => entry.level === level)?.locals ?? []).map(formatDonai),
    counts: counting?.level === level,
  }));
  const { shown, reason } = decide(named, disclosure.isEmpty, counting?.locals, find);
  return { shown: shown === undefined ? null : formatDonai(shown), reason, steps };
}

function decide(
  named: Donai | undefined,
  isEmpty: boolean,
  locals: readonly Donai[] | undefined,
  find: (id: Donai) => LocalIdentity | undefined,
): { readonly shown?: Donai; readonly reason: string } {
  if (named !== undefined) return decideNamed(named, isEmpty, locals, find);
  if (isEmpty) return { reason: 'no disclosure is defined, and the program names nobody' };
  if (locals === undefined) return { reason: 'no entry is about this remote' };
  const shown = locals.find((local) => find(local) !== undefined);
  if (shown === undefined) return { reason: 'none of its identities has a credential for clients' };
  return { shown, reason: 'it is the first with a credential for clients' };
}

function decideNamed(
  named: Donai,
  isEmpty: boolean,
  locals: readonly Donai[] | undefined,
  find: (id: Donai) => LocalIdentity | undefined,
): { readonly shown?: Donai; readonly reason: string } {
  const name = formatDonai(named);
  const allowed = isEmpty || locals?.some((local) => formatDonai(local) === name);
  if (allowed !== true) return { reason: `${name} is not disclosed to this remote` };
  if (find(named) === undefined) return { reason: `${name} has no credential for clients` };
  return { shown: named, reason: 'the program names it, and may' };
}
