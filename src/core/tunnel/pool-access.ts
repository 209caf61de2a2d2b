import type { PoolLink } from './pool-link.ts';

/** A pool to hand sockets to: the daemon, or one inside this process. */
export interface PoolAccess {
  readonly link: PoolLink;
  /** Where its identities are kept; undefined if this user may not know. */
  readonly stateDir: string | undefined;
  /** Resolves when no session of ours is open any more, or after `timeout` ms. */
  drain(timeout: number): Promise<void>;
  /** Ends the sessions that are still open. */
  close(): Promise<void>;
}
