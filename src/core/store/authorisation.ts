import type { Transaction } from 'kysely';
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

export async function createAuthorisationTables(transaction: Transaction<Schema>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('rules')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('effect', 'text', (column) => column.notNull())
    .addColumn('who', 'text', (column) => column.notNull())
    .addColumn('local', 'text', (column) => column.notNull())
    .addColumn('service', 'text')
    .addColumn('validated', 'text')
    .addColumn('addresses', 'text')
    .addColumn('hours', 'text')
    .addColumn('expires_at', 'text')
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('made_by', 'text', (column) => column.notNull())
    .addColumn('made_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('program_rules')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('local', 'text', (column) => column.notNull())
    .addColumn('role', 'text')
    .addColumn('uid', 'integer')
    .addColumn('gid', 'integer')
    .addColumn('executable', 'text')
    .addColumn('digest', 'text')
    .addColumn('unit', 'text')
    .addColumn('expires_at', 'text')
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('made_by', 'text', (column) => column.notNull())
    .addColumn('made_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('standings')
    .addColumn('local', 'text', (column) => column.primaryKey())
    .addColumn('standing', 'text', (column) => column.notNull())
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('made_by', 'text', (column) => column.notNull())
    .addColumn('made_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('groups')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('settings', 'text', (column) => column.notNull())
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('made_by', 'text', (column) => column.notNull())
    .addColumn('made_at', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('members')
    .addColumn('group_name', 'text', (column) =>
      column.notNull().references('groups.name').onDelete('cascade'),
    )
    .addColumn('member', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('members_key', ['group_name', 'member'])
    .execute();
  await schema
    .createTable('fetched_members')
    .addColumn('group_name', 'text', (column) =>
      column.primaryKey().references('groups.name').onDelete('cascade'),
    )
    .addColumn('fetched_at', 'text', (column) => column.notNull())
    .addColumn('members', 'text', (column) => column.notNull())
    .execute();
  await countChanges(transaction, 'authorisation_generation', [
    'rules',
    'program_rules',
    'standings',
    'groups',
    'members',
  ]);
}
