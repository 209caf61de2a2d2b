import type { Transaction } from 'kysely';
import { countChanges } from './change-counter.ts';
import type { Schema } from './schema.ts';

export async function createDisclosures(transaction: Transaction<Schema>): Promise<void> {
  await transaction.schema
    .createTable('disclosures')
    .addColumn('remote', 'text', (column) => column.notNull())
    .addColumn('local', 'text', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('disclosures_key', ['remote', 'local'])
    .execute();
  await countChanges(transaction, 'disclosure_generation', ['disclosures']);
}
