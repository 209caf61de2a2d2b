import type { Kysely, Transaction } from 'kysely';
import { TlspoolError } from '../errors.ts';
import { createAuthorisationTables } from './authorisation.ts';
import { countChanges } from './change-counter.ts';
import { createChangeJournal } from './change-journal.ts';
import { createDisclosures } from './disclosures.ts';
import { createEndIndexes } from './end-indexes.ts';
import { sql } from './kysely.ts';
import { createReviewWishes } from './review-wishes.ts';
import type { Schema } from './schema.ts';
import { createTrustTables } from './trust-tables.ts';

/** One step of the schema. Never changed after a release: the next change is a new step. */
export type Migration = (transaction: Transaction<Schema>) => Promise<void>;

/** Step n brings a store from version n to version n + 1. */
export const MIGRATIONS: readonly Migration[] = [
  createFirstSchema,
  createAuthorisationTables,
  createDisclosures,
  createTrustTables,
  createChangeJournal,
  createReviewWishes,
  createEndIndexes,
];

/** Table of the versions that a store has gone through; not part of what queries see. */
const VERSIONS = 'schema_versions';

interface Versioned {
  readonly [VERSIONS]: { readonly version: number; readonly applied_at: string };
}

/** 0 for an empty database. */
async function schemaVersion(db: Kysely<Schema>): Promise<number> {
  const table = sql`select 1 from sqlite_schema where type = 'table' and name = ${VERSIONS}`;
  if ((await table.execute(db)).rows.length === 0) return 0;
  const row = await versioned(db)
    .selectFrom(VERSIONS)
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}

/**
 * Brings the store to the newest version, a transaction a step. A store of a newer release is refused:
 * what this release does not know it cannot keep right.
 */
export async function migrate(
  db: Kysely<Schema>,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const present = await schemaVersion(db);
  refuseNewer(present, migrations);
  for (const [version, step] of migrations.entries()) {
    if (version < present) continue;
    await db.transaction().execute(async (transaction) => {
      // Asked inside the transaction: another process may have migrated meanwhile.
      if ((await schemaVersion(transaction)) > version) return;
      if (version === 0) await createVersions(transaction);
      await step(transaction);
      const applied = { version: version + 1, applied_at: new Date().toISOString() };
      await versioned(transaction).insertInto(VERSIONS).values(applied).execute();
    });
  }
}

/** For readers, which change nothing: the store must be of this very version. */
export async function requireCurrent(
  db: Kysely<Schema>,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const version = await schemaVersion(db);
  refuseNewer(version, migrations);
  if (version < migrations.length) {
    throw new TlspoolError(
      'store-outdated',
      `the store has schema version ${version}, this release needs ${migrations.length}`,
      { hint: 'Start `tlspool serve` once: it brings the store up to date.' },
    );
  }
}

function refuseNewer(version: number, migrations: readonly Migration[]): void {
  if (version <= migrations.length) return;
  throw new TlspoolError(
    'store-too-new',
    `the store has schema version ${version}, but this release knows only ${migrations.length}`,
    { hint: 'It was written by a newer release of tlspool: use that one.' },
  );
}

async function createVersions(transaction: Transaction<Schema>): Promise<void> {
  await transaction.schema
    .createTable(VERSIONS)
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .addColumn('applied_at', 'text', (column) => column.notNull())
    .execute();
}

function versioned(db: Kysely<Schema>): Kysely<Versioned> {
  return db as unknown as Kysely<Versioned>;
}

async function createFirstSchema(transaction: Transaction<Schema>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('settings')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('modules')
    .addColumn('path', 'text', (column) => column.primaryKey())
    .addColumn('softhsm_conf', 'text')
    .execute();
  await schema
    .createTable('tokens')
    .addColumn('uri', 'text', (column) => column.primaryKey())
    .addColumn('module_path', 'text', (column) => column.notNull().references('modules.path'))
    .addColumn('pin_source', 'text')
    .execute();
  await schema
    .createTable('authorities')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (column) => column.notNull().unique())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .addColumn('key_uri', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('issued')
    .addColumn('serial', 'text', (column) => column.notNull())
    .addColumn('authority_id', 'integer', (column) => column.notNull().references('authorities.id'))
    .addColumn('donai', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('not_before', 'text', (column) => column.notNull())
    .addColumn('not_after', 'text', (column) => column.notNull())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .addColumn('revoked_at', 'text')
    .addPrimaryKeyConstraint('issued_key', ['authority_id', 'serial'])
    .execute();
  await schema
    .createTable('identities')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('donai', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('credentials')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('identity_id', 'integer', (column) =>
      column.notNull().references('identities.id').onDelete('cascade'),
    )
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('chain', 'text', (column) => column.notNull())
    .addColumn('key_uri', 'text', (column) => column.notNull())
    .addColumn('key_type', 'text', (column) => column.notNull())
    .addColumn('public_key', 'blob', (column) => column.notNull())
    .addColumn('validation', 'text')
    .addColumn('preference', 'integer', (column) => column.notNull())
    .addColumn('not_after', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('credentials_of_identity')
    .on('credentials')
    .columns(['identity_id', 'preference'])
    .execute();
  await schema
    .createTable('requests')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('donai', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('key_uri', 'text', (column) => column.notNull())
    .addColumn('key_type', 'text', (column) => column.notNull())
    .addColumn('public_key', 'blob', (column) => column.notNull())
    .addColumn('csr', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('anchors')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull().unique())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('selectors', 'text', (column) => column.notNull())
    .addColumn('validation', 'text')
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .execute();
  await countChanges(transaction, 'trust_generation', ['anchors']);
  await countChanges(transaction, 'identity_generation', ['identities', 'credentials']);
}
