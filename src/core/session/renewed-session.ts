import type { SessionId } from '../engine/types.ts';
import type { Admission } from './admission.ts';
import type { Agreed } from './agreed.ts';
import type { Audit } from './audit.ts';
import type { SessionFacts } from './facts.ts';
import type { Myself } from './local-identity.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** A session that runs while it is found out anew who is who. What it says is so now: a late answer may change it. */
export interface RenewedSession {
  readonly facts: SessionFacts;
  readonly engineId: SessionId;
  readonly agreed: Agreed;
  /** Who we are; undefined: nobody. */
  readonly myself: Myself | undefined;
  /** Clients: what began it, with whom the program named last. */
  readonly origin: StartTlsRequest | undefined;
  readonly services: Services;
  readonly admission: Admission;
  readonly audit: Audit;
  /** That is over. @param renewed what holds from now on; undefined: the same as before */
  over(renewed: Renewed | undefined): void;
}

export interface Renewed {
  readonly agreed: Agreed;
  readonly myself: Myself | undefined;
  /** Clients: with whom the program named since. */
  readonly origin?: StartTlsRequest | undefined;
}

/** Where a client can be asked later, and who we are is settled for good if we are the server. */
export function isTls13({ version }: Pick<Agreed, 'version'>): boolean {
  return version === 'TLSv1.3';
}
