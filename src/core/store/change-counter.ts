import { sql, type Transaction } from 'kysely';
import type { Schema } from './schema.ts';

/** Raises the setting with every row that changes: no writer can forget it. */
export async function countChanges(
  transaction: Transaction<Schema>,
  setting: string,
  tables: readonly (keyof Schema)[],
): Promise<void> {
  await transaction.insertInto('settings').values({ key: setting, value: '1' }).execute();
  for (const table of tables) {
    for (const change of ['insert', 'update', 'delete']) {
      await sql`
        create trigger ${sql.id(`${setting}_${table}_${change}`)}
        after ${sql.raw(change)} on ${sql.table(table)} begin
          update settings set value = cast(cast(value as integer) + 1 as text)
          where key = ${sql.lit(setting)};
        end`.execute(transaction);
    }
  }
}
