import type { Transaction } from 'kysely';
import { countChanges } from './change-counter.ts';
import { sql } from './kysely.ts';
import type { Schema } from './schema.ts';

/** Step: what remote validation needs besides anchors. */
export async function createTrustTables(transaction: Transaction<Schema>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('validation_policies')
    .addColumn('role', 'text', (column) => column.primaryKey())
    .addColumn('expression', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('distrusts')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addUniqueConstraint('distrusts_once', ['kind', 'value'])
    .execute();
  await schema
    .createTable('pins')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('remote', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'text')
    .addColumn('roll_over_at', 'text')
    .addUniqueConstraint('pins_once', ['remote', 'key'])
    .execute();
  await schema
    .createTable('crls')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('fingerprint', 'text', (column) => column.notNull().unique())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('list', 'blob', (column) => column.notNull())
    .addColumn('this_update', 'text', (column) => column.notNull())
    .addColumn('next_update', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await countChanges(transaction, 'trust_generation', ['validation_policies', 'distrusts', 'crls']);
  await countPins(transaction);
  await countRevocations(transaction);
}

/** A first use rests on no pin: what was believed before it still holds. */
async function countPins(transaction: Transaction<Schema>): Promise<void> {
  await sql`
    create trigger trust_generation_pins_insert after insert on pins
    when new.source <> 'first-use' begin
      update settings set value = cast(cast(value as integer) + 1 as text)
      where key = 'trust_generation';
    end`.execute(transaction);
  await countChanges(transaction, 'trust_generation', ['pins'], ['update', 'delete']);
}

/** Issuing takes nothing away from anyone; revoking does. */
async function countRevocations(transaction: Transaction<Schema>): Promise<void> {
  await countChanges(transaction, 'trust_generation', ['issued'], ['update']);
}
