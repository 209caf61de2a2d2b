import { createHash } from 'node:crypto';
import type { PeerDemand, Resumption, TlsRole } from '../engine/types.ts';

/** Everything that a verdict rests on: where it differs, nothing is resumed. */
export interface Basis {
  readonly role: TlsRole;
  readonly localId: string;
  readonly remoteId: string;
  readonly service: string;
  readonly demand: PeerDemand;
  readonly domainRepresentsUser: boolean;
  readonly trustGeneration: number;
  /** Of the credentials that we may show. */
  readonly credentials: string;
  /** Whether it is known what we answer if we are asked who we are; such sessions are not for whoever wants a say in it. */
  readonly decided: boolean;
  /** Which the program keeps together; '': none. */
  readonly scope: string;
}

/** Bases that are in use at once in most pools; what is forgotten is computed anew. */
const MOST_KEPT = 1024;
const kept = new Map<string, Resumption>();

/** The context of resumption: engine trap 13. */
export function resumptionFor(basis: Basis): Resumption {
  const text = JSON.stringify([
    basis.role,
    basis.localId,
    basis.remoteId,
    basis.service,
    basis.demand,
    basis.domainRepresentsUser,
    basis.trustGeneration,
    basis.credentials,
    basis.decided,
    basis.scope,
  ]);
  const known = kept.get(text);
  if (known !== undefined) return known;
  const made = { context: createHash('sha256').update(text).digest() };
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(text, made);
  return made;
}
