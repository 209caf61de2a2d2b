import type { Kysely, Transaction } from 'kysely';
import { sql } from './kysely.ts';
import type { ChangeKind, Schema } from './schema.ts';

/** Entries that are kept; whoever is further behind reads everything anew. */
const KEPT = 10_000;

/** Step: which rows changed, so that a reader with thousands in memory reads no more than those. */
export async function createChangeJournal(transaction: Transaction<Schema>): Promise<void> {
  await transaction.schema
    .createTable('changes')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .execute();
  await note(transaction, 'identities', 'identity', 'id');
  await note(transaction, 'credentials', 'identity', 'identity_id');
  await note(transaction, 'rules', 'rule', 'name');
  await note(transaction, 'members', 'members', 'group_name');
  await note(transaction, 'program_rules', 'policy', 'name');
  await note(transaction, 'standings', 'policy', 'local');
  await note(transaction, 'groups', 'policy', 'name');
}

/** Rows are noted by a column that never changes. */
async function note(
  transaction: Transaction<Schema>,
  table: keyof Schema,
  kind: ChangeKind,
  column: string,
): Promise<void> {
  for (const change of ['insert', 'update', 'delete']) {
    const row = sql.ref(`${change === 'delete' ? 'old' : 'new'}.${column}`);
    await sql`
      create trigger ${sql.id(`changes_${table}_${change}`)}
      after ${sql.raw(change)} on ${sql.table(table)} begin
        insert into changes (kind, key) values (${sql.lit(kind)}, cast(${row} as text));
        delete from changes where id <= last_insert_rowid() - ${sql.lit(KEPT)};
      end`.execute(transaction);
  }
}

/** What changed since somebody looked last. */
export interface Changes {
  /** Keys by kind; undefined: too much to be told apart, or nobody looked before. */
  readonly keys: ReadonlyMap<ChangeKind, readonly string[]> | undefined;
  /** To go on from the next time: what is read after this is at least as new. */
  readonly position: number;
}

/** @param position of the last look; undefined for the first one */
export async function changesSince(
  db: Kysely<Schema>,
  position: number | undefined,
  kinds: readonly ChangeKind[],
): Promise<Changes> {
  const last = await end(db, 'max');
  if (position === undefined) return { keys: undefined, position: last };
  const rows = await db
    .selectFrom('changes')
    .select(['kind', 'key'])
    .distinct()
    .where('id', '>', position)
    .where('id', '<=', last)
    .where('kind', 'in', kinds)
    .execute();
  // Asked afterwards: what was dropped while we read counts as missed.
  const missed = (await end(db, 'min')) > position + 1;
  const keys = new Map<ChangeKind, string[]>(kinds.map((kind) => [kind, []]));
  for (const { kind, key } of rows) keys.get(kind)?.push(key);
  return { keys: missed ? undefined : keys, position: last };
}

async function end(db: Kysely<Schema>, which: 'min' | 'max'): Promise<number> {
  const row = await db
    .selectFrom('changes')
    .select(({ fn }) => fn[which]('id').as('id'))
    .executeTakeFirst();
  return Number(row?.id ?? 0);
}
