import type { Kysely } from 'kysely';
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
