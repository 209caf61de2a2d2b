import type { Kysely, Transaction } from 'kysely';
import type { DistrustsTable, Schema } from './schema.ts';

/**
 * Step: whose open sessions were to end. Not in the journal of changes, which forgets: guessing whom it named would end
 * sessions of others. There are no more of them than certificates that were taken back, which are kept as well.
 */
export async function createReviewWishes(transaction: Transaction<Schema>): Promise<void> {
  await transaction.schema
    .createTable('unwelcome')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull())
    .execute();
}

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
  const entries = names.map((name) => ({ name }));
  if (entries.length > 0) await db.insertInto('unwelcome').values(entries).execute();
}

/** What a certificate of the other side may have been distrusted by. */
export type Shown = Pick<DistrustsTable, 'kind' | 'value'>;

/** The open sessions are to end in which the other side showed that; read by `unwelcomeSince`. */
export async function wantEndShown(db: Kysely<Schema>, { kind, value }: Shown): Promise<void> {
  // No local name has a blank in it.
  await wantEnd(db, [`${kind} ${value}`]);
}

export interface Unwelcome {
  readonly names: readonly string[];
  readonly shown: readonly Shown[];
  /** For the next look. */
  readonly position: number;
}

/** @param position of the last look; undefined for the first one, which finds nobody */
export async function unwelcomeSince(
  db: Kysely<Schema>,
  position: number | undefined,
): Promise<Unwelcome> {
  const rows = await db
    .selectFrom('unwelcome')
    .select(['id', 'name'])
    .where('id', '>', position ?? 0)
    .orderBy('id')
    .execute();
  const all = position === undefined ? [] : [...new Set(rows.map(({ name }) => name))];
  return {
    names: all.filter((name) => !name.includes(' ')),
    shown: all.flatMap((name) => shownIn(name) ?? []),
    position: rows.at(-1)?.id ?? position ?? 0,
  };
}

function shownIn(name: string): Shown | undefined {
  const [kind, value, ...others] = name.split(' ');
  const known = kind === 'certificate' || kind === 'key' || kind === 'serial';
  return known && value !== undefined && others.length === 0 ? { kind, value } : undefined;
}
