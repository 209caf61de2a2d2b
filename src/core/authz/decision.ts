import type { Gap } from './group.ts';
import type { Rule } from './rule.ts';

/** Stable: programs and logs may rely on them. */
export type ReasonCode =
  /** Allowed. */
  | 'allowed-by-rule'
  /** Allowed: nothing closes the local identity. */
  | 'open'
  /** Allowed, for no rule keeps root and the pool's own user from acting as anybody. */
  | 'pool-user'
  | 'denied-by-rule'
  /** The local identity is closed, and no rule lets this remote in. */
  | 'no-rule'
  /** The same for a client that showed no certificate. */
  | 'anonymous'
  /** The client showed a certificate, but it does not prove enough. */
  | 'not-validated'
  /** A membership is not known: its source was not reached for too long, or cannot be read. */
  | 'stale'
  /** A rule names a group that is not there. */
  | 'unknown-group'
  /** A rule would have let it in, but is over. */
  | 'expired'
  /** A rule would have let it in at another time. */
  | 'outside-hours'
  /** A rule would have let it in from another address. */
  | 'address'
  /** A deny is for some addresses, and the client's is not known. */
  | 'address-unknown';

export interface Decision {
  readonly allowed: boolean;
  readonly reason: ReasonCode;
  /** What decided it, or came nearest to letting it in. */
  readonly rule: Rule | undefined;
  /** The membership that is not known, where that decided. */
  readonly gap: Gap | undefined;
}
