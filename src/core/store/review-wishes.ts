import type { Kysely } from 'kysely';
import { changesSince } from './change-journal.ts';
import type { Schema } from './schema.ts';

/** Setting that rises when open sessions are to be held against the rules: for pools that no command can ask. */
const KEY = 'reviews_wanted';

export async function wantReview(db: Kysely<Schema>): Promise<void> {
  const value = String((await reviewsWanted(db)) + 1);
  await db
    .insertInto('settings')
    .values({ key: KEY, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

export async function reviewsWanted(db: Kysely<Schema>): Promise<number> {
  const row = await db
    .selectFrom('settings')
    .select('value')
    .where('key', '=', KEY)
    .executeTakeFirst();
  return Number(row?.value ?? 0);
}

/** The open sessions of whom these local names name are to end, whatever rules say; read by `unwelcomeSince`. */
export async function wantEnd(db: Kysely<Schema>, names: readonly string[]): Promise<void> {
  const entries = names.map((key) => ({ kind: 'unwelcome' as const, key }));
  if (entries.length > 0) await db.insertInto('changes').values(entries).execute();
}

export interface Unwelcome {
  /** undefined: there were too many changes since, so that nobody knows any more. */
  readonly names: readonly string[] | undefined;
  /** For the next look. */
  readonly position: number;
}

/** @param position of the last look; undefined for the first one, which finds nobody */
export async function unwelcomeSince(
  db: Kysely<Schema>,
  position: number | undefined,
): Promise<Unwelcome> {
  const { keys, position: next } = await changesSince(db, position, ['unwelcome']);
  if (position === undefined) return { names: [], position: next };
  return { names: keys?.get('unwelcome'), position: next };
}
