import type { CreateTableBuilder, Transaction } from 'kysely';
import { countChanges } from './change-counter.ts';
import type { Schema } from './schema.ts';

/** ISO 8601, UTC. */
type Time = string;

interface AuthoredTable {
  readonly note: string;
  readonly made_by: string;
  readonly made_at: Time;
}

/** May this remote use this local identity and service? A rule is made and removed, never changed. */
export interface RulesTable extends AuthoredTable {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  /** DoNAI selector, `group:NAME`, `authenticated`, `anonymous` or `everyone`. */
  readonly who: string;
  /** Selector of local identities. */
  readonly local: string;
  /** null: any. */
  readonly service: string | null;
  /** Blank-separated; null: however. */
  readonly validated: string | null;
  /** Blank-separated address blocks; null: from anywhere. */
  readonly addresses: string | null;
  readonly hours: string | null;
  readonly expires_at: Time | null;
}

/** May this local program act as this local identity? */
export interface ProgramRulesTable extends AuthoredTable {
  readonly name: string;
  readonly local: string;
  readonly role: 'client' | 'server' | null;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly executable: string | null;
  /** SHA-256 of the executable, lower-case hexadecimal. */
  readonly digest: string | null;
  /** systemd unit. */
  readonly unit: string | null;
  readonly expires_at: Time | null;
}

/** What was said of local identities outright. */
export interface StandingsTable extends AuthoredTable {
  /** Selector of local identities. */
  readonly local: string;
  readonly standing: 'open' | 'closed';
}

export interface GroupsTable extends AuthoredTable {
  readonly name: string;
  readonly source: 'store' | 'file' | 'ldap';
  /** JSON of what the source needs. */
  readonly settings: string;
}

export interface MembersTable {
  readonly group_name: string;
  /** DoNAI selector or `group:NAME`. */
  readonly member: string;
}

/** What directories said last; not part of the policy, so that it does not count as a change of it. */
export interface FetchedMembersTable {
  readonly group_name: string;
  readonly fetched_at: Time;
  /** JSON array. */
  readonly members: string;
}

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
