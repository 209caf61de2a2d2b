import type { Transaction } from 'kysely';
import { sql } from './kysely.ts';
import type { Schema } from './schema.ts';

/** Step: what ends, and what was taken back, is found without a look at all that there is. */
export async function createEndIndexes(transaction: Transaction<Schema>): Promise<void> {
  await transaction.schema
    .createIndex('credentials_by_end')
    .on('credentials')
    .column('not_after')
    .execute();
  await transaction.schema
    .createIndex('issued_and_revoked')
    .on('issued')
    .column('donai')
    .where(sql<boolean>`revoked_at is not null`)
    .execute();
}
