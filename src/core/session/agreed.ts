import type { SessionDetails } from '../protocol/extension.ts';

/** What both sides agreed on, and who they are to each other. */
export interface Agreed extends SessionDetails {
  /** Who we were shown to be; '' if we showed nothing. */
  readonly localId: string;
  /** Who the other side proved to be; '' if it did not have to. */
  readonly remoteId: string;
  /** A remote domain stood for its user. */
  readonly domainRepresented: boolean;
}
