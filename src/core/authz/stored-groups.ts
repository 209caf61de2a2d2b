import type { Kysely, Selectable } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { GroupsTable, Schema } from '../store/schema.ts';
import type { Group, GroupSource } from './group.ts';
import { authorColumns, authorOf } from './stored-rules.ts';
import { formatWho, type Member, parseMember } from './who.ts';

export async function listGroups(db: Kysely<Schema>): Promise<Group[]> {
  const rows = await db.selectFrom('groups').selectAll().orderBy('name').execute();
  return rows.map(groupOf);
}

export async function findGroup(db: Kysely<Schema>, name: string): Promise<Group | undefined> {
  const row = await db.selectFrom('groups').selectAll().where('name', '=', name).executeTakeFirst();
  return row && groupOf(row);
}

/** @throws TlspoolError `no-group` */
export async function requireGroup(db: Kysely<Schema>, name: string): Promise<Group> {
  const group = await findGroup(db, name);
  if (group !== undefined) return group;
  throw new TlspoolError('no-group', `there is no group ${name}`, {
    hint: `Make it: tlspool authz group create ${name}`,
  });
}

export async function insertGroup(db: Kysely<Schema>, group: Group): Promise<void> {
  const { name, source } = group;
  const { kind, ...settings } = source;
  await db
    .insertInto('groups')
    .values({ name, source: kind, settings: JSON.stringify(settings), ...authorColumns(group) })
    .execute();
}

/** Members of groups whose source is the store, by group. @param groups undefined: all */
export async function readMembers(
  db: Kysely<Schema>,
  groups?: readonly string[],
): Promise<Map<string, readonly Member[]>> {
  let query = db.selectFrom('members').select(['group_name', 'member']);
  if (groups !== undefined) query = query.where('group_name', 'in', groups);
  const rows = await query.orderBy('group_name').orderBy('member').execute();
  const members = new Map<string, Member[]>();
  for (const { group_name: group, member } of rows) {
    const list = members.get(group) ?? [];
    list.push(parseMember(member));
    members.set(group, list);
  }
  return members;
}

/** Those that are there already stay. Returns how many are new. */
export async function addMembers(
  db: Kysely<Schema>,
  group: string,
  members: readonly Member[],
): Promise<number> {
  let added = 0n;
  for (let at = 0; at < members.length; at += 1_000) {
    const rows = members
      .slice(at, at + 1_000)
      .map((member) => ({ group_name: group, member: formatWho(member) }));
    const result = await db
      .insertInto('members')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    added += result.numInsertedOrUpdatedRows ?? 0n;
  }
  return Number(added);
}

/** Returns how many were there. */
export async function removeMembers(
  db: Kysely<Schema>,
  group: string,
  members: readonly Member[],
): Promise<number> {
  let removed = 0n;
  for (const member of members) {
    const result = await db
      .deleteFrom('members')
      .where('group_name', '=', group)
      .where('member', '=', formatWho(member))
      .executeTakeFirst();
    removed += result.numDeletedRows;
  }
  return Number(removed);
}

/** What a directory said last. */
export interface FetchedMembers {
  /** Epoch ms. */
  readonly at: number;
  readonly members: readonly Member[];
}

export async function readFetched(db: Kysely<Schema>): Promise<Map<string, FetchedMembers>> {
  const rows = await db.selectFrom('fetched_members').selectAll().execute();
  return new Map(
    rows.map((row) => [
      row.group_name,
      {
        at: Date.parse(row.fetched_at),
        members: (JSON.parse(row.members) as string[]).map(parseMember),
      },
    ]),
  );
}

export async function putFetched(
  db: Kysely<Schema>,
  group: string,
  { at, members }: FetchedMembers,
): Promise<void> {
  const row = {
    fetched_at: new Date(at).toISOString(),
    members: JSON.stringify(members.map(formatWho)),
  };
  await db
    .insertInto('fetched_members')
    .values({ group_name: group, ...row })
    .onConflict((conflict) => conflict.column('group_name').doUpdateSet(row))
    .execute();
}

function groupOf(row: Selectable<GroupsTable>): Group {
  const source = { kind: row.source, ...JSON.parse(row.settings) } as GroupSource;
  return { name: row.name, source, ...authorOf(row) };
}
