/** Something that an operator should look at, before or after it hurts. */
export interface Concern {
  readonly code: ConcernCode;
  /** Name of the local identity, CA, revocation list, group or token. */
  readonly about: string;
  /** One sentence, which says what it is about. */
  readonly message: string;
  /** What to do; null: there is nothing to be said in general. */
  readonly hint: string | null;
}

/** They stay the same from release to release. */
export type ConcernCode =
  | `${'identity' | 'ca' | 'anchor' | 'list'}-${Ending}`
  | 'identity-revoked'
  | 'group-unknown'
  | `token-${'absent' | 'failing' | 'locked' | 'wrong-pin' | 'few-tries' | 'needs-pin' | 'awaits-touch'}`
  | 'old-version';

export type Ending = 'expires' | 'expired';

/** ms */
export const DAY = 24 * 60 * 60_000;

/** In UTC: `2030-12-31`. */
export function day(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

/** Whether something has ended, or will soon; undefined: there is time. @param near days that are soon */
export function ending(end: Date, now: Date, near: number): Ending | undefined {
  const left = end.getTime() - now.getTime();
  if (left <= 0) return 'expired';
  return left <= near * DAY ? 'expires' : undefined;
}
