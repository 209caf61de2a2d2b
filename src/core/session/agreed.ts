import type { SessionDetails } from '../protocol/extension.ts';
import type { Admitted } from './admission.ts';

/** What both sides agreed on, and who they are to each other. */
export interface Agreed extends Omit<SessionDetails, 'decision' | 'groups'> {
  /** Who we were shown to be; '' if we showed nothing. */
  readonly localId: string;
  /** Who the other side proved to be; '' if it did not have to, or did not. */
  readonly remoteId: string;
  /** Whether that is proven; what is not, rules take for `anonymous`. */
  readonly proven: boolean;
  /** Letters of the predicates that held: how it was validated. */
  readonly validatedBy: string;
  /** Everybody that a proven certificate names: a rule that denies one of them applies. */
  readonly remoteNames: readonly string[];
  /** What authorisation answered; undefined: it was not asked, as we are the client. */
  readonly admitted: Admitted | undefined;
  /** Our identity was made on the fly. */
  readonly madeOnTheFly: boolean;
  /** A remote domain stood for its user. */
  readonly domainRepresented: boolean;
}
