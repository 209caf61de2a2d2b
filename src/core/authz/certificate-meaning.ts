import { Engine } from '../engine/engine.ts';
import type { TlsRole } from '../engine/types.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import type { Store } from '../store/store.ts';
import { subjectNames } from '../trust/subject-names.ts';
import { Trust } from '../trust/trust.ts';
import type { Policy } from './policy.ts';

/** What rules see of a certificate. */
export interface CertificateMeaning {
  /** null: nobody is proven, rules see `anonymous`. */
  readonly remoteId: string | null;
  /** Why nobody is proven. */
  readonly refusal: string | null;
  /** Letters of the predicates that held. */
  readonly validatedBy: string;
  /** All that a deny would count for. */
  readonly names: readonly string[];
  readonly groups: readonly string[];
}

/** @param role in which the certificate would be shown to us */
export async function certificateMeaning(
  store: Store,
  policy: Policy,
  chain: readonly Buffer[],
  role: TlsRole,
): Promise<CertificateMeaning> {
  const engine = Engine.start({ threads: 1 });
  try {
    const trust = new Trust(store, engine);
    try {
      await trust.refresh();
      return await meaningOf(trust, policy, chain, role);
    } finally {
      trust.close();
    }
  } finally {
    await engine.stop();
  }
}

async function meaningOf(
  trust: Trust,
  policy: Policy,
  chain: readonly Buffer[],
  role: TlsRole,
): Promise<CertificateMeaning> {
  const verdict = await trust.validate({ chain, remoteRole: role });
  const names = namesIn(chain).map(formatDonai);
  if (!verdict.ok) {
    return { remoteId: null, refusal: verdict.reason, validatedBy: '', names, groups: [] };
  }
  const { proven, remoteId, validatedBy } = verdict;
  const id: Donai | undefined = proven ? remoteId : undefined;
  const groups = policy.groupsOf({ id, names: verdict.names, validatedBy });
  return {
    remoteId: id === undefined ? null : formatDonai(id),
    refusal: id === undefined ? 'what held of its validation does not prove who it is' : null,
    validatedBy,
    names,
    groups: [...groups.keys()].sort(),
  };
}

function namesIn([leaf]: readonly Buffer[]): Donai[] {
  const { users, domains } = subjectNames(leaf ?? Buffer.alloc(0));
  return [...users, ...domains];
}
