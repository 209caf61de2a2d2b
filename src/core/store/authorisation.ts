import type { CreateTableBuilder, Transaction } from 'kysely';
import { countChanges } from './change-counter.ts';
import type { Schema } from './schema.ts';

/** Step: rules, and groups for them. */
export async function createAuthorisationTables(transaction: Transaction<Schema>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('rules')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .$call(texts('effect', 'who', 'local'))
    .$call(optionalTexts('service', 'validated', 'addresses', 'hours', 'expires_at'))
    .$call(author)
    .execute();
  await schema
    .createTable('program_rules')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .$call(texts('local'))
    .$call(optionalTexts('role'))
    .addColumn('uid', 'integer')
    .addColumn('gid', 'integer')
    .$call(optionalTexts('executable', 'digest', 'unit', 'expires_at'))
    .$call(author)
    .execute();
  await schema
    .createTable('standings')
    .addColumn('local', 'text', (column) => column.primaryKey())
    .$call(texts('standing'))
    .$call(author)
    .execute();
  await schema
    .createTable('groups')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .$call(texts('source', 'settings'))
    .$call(author)
    .execute();
  await schema
    .createTable('members')
    .addColumn('group_name', 'text', (column) =>
      column.notNull().references('groups.name').onDelete('cascade'),
    )
    .$call(texts('member'))
    .addPrimaryKeyConstraint('members_key', ['group_name', 'member'])
    .execute();
  await schema
    .createTable('fetched_members')
    .addColumn('group_name', 'text', (column) =>
      column.primaryKey().references('groups.name').onDelete('cascade'),
    )
    .$call(texts('fetched_at', 'members'))
    .execute();
  const counted = ['rules', 'program_rules', 'standings', 'groups', 'members'] as const;
  await countChanges(transaction, 'authorisation_generation', counted);
}

type Table = CreateTableBuilder<string, string>;

const author = texts('note', 'made_by', 'made_at');

function texts(...names: readonly string[]): (table: Table) => Table {
  return (table) =>
    names.reduce(
      (grown, name) => grown.addColumn(name, 'text', (column) => column.notNull()),
      table,
    );
}

function optionalTexts(...names: readonly string[]): (table: Table) => Table {
  return (table) => names.reduce((grown, name) => grown.addColumn(name, 'text'), table);
}
