import type { TlsRole } from '../engine/types.ts';

/** A session that is being set up and waits for a person: who wants to be who to whom. */
export interface WaitingSession {
  readonly session: string;
  readonly role: TlsRole;
  readonly program: {
    readonly pid: number;
    readonly uid: number;
    readonly user: string;
    readonly executable: string;
  };
  readonly service: string;
  /** Who we are to be; '' if that is not known. */
  readonly localId: string;
  /** Whom we talk to; '' if that is not known. */
  readonly remoteId: string;
  /** The other side's address; '' if it has none. */
  readonly peer: string;
}
