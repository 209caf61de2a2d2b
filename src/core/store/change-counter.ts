import type { Transaction } from 'kysely';
import { sql } from './kysely.ts';
import type { Schema } from './schema.ts';

type Change = 'insert' | 'update' | 'delete';

/** Raises the setting with every row that changes: no writer can forget it. Steps may add tables to one that is there. */
export async function countChanges(
  transaction: Transaction<Schema>,
  setting: string,
  tables: readonly (keyof Schema)[],
  changes: readonly Change[] = ['insert', 'update', 'delete'],
): Promise<void> {
  await transaction
    .insertInto('settings')
    .values({ key: setting, value: '1' })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
  for (const table of tables) {
    for (const change of changes) {
      await sql`
        create trigger ${sql.id(`${setting}_${table}_${change}`)}
        after ${sql.raw(change)} on ${sql.table(table)} begin
          update settings set value = cast(cast(value as integer) + 1 as text)
          where key = ${sql.lit(setting)};
        end`.execute(transaction);
    }
  }
}
