import type { Transaction } from 'kysely';
import { countChanges } from './change-counter.ts';
import type { Schema } from './schema.ts';

/** Which of our identities which remotes may see. */
export interface DisclosuresTable {
  /** DoNAI selector. */
  readonly remote: string;
  /** DoNAI of a local identity. */
  readonly local: string;
  /** Within the remote, ascending; not necessarily without gaps. */
  position: number;
  /** ISO 8601, UTC. */
  readonly created_at: string;
}

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
