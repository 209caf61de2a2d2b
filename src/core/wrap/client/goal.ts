import type { ClaimedProcess } from '../../protocol/extension.ts';
import type { Treatment } from './client-rules.ts';

/** Where a connection of the program is to get, and as what. */
export interface Goal {
  readonly treatment: Treatment;
  /** Whom the server must prove to be. */
  readonly remoteId: string;
  /** ADDR:PORT */
  readonly place: string;
  /** Who connects, to be judged in place of wrap. */
  readonly process: ClaimedProcess | undefined;
}

/** What is lost if it does not come about, in words. */
export function connectionTo({ remoteId, place }: Goal): string {
  return `no connection to ${remoteId} at ${place}`;
}
