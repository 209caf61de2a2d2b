import type { Kysely } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import type { Group } from './group.ts';
import { parseMembers } from './group-file.ts';
import { RuleError } from './rule-error.ts';
import {
  addMembers,
  findGroup,
  insertGroup,
  readMembers,
  removeMembers,
  requireGroup,
} from './stored-groups.ts';
import { formatWho, type Member } from './who.ts';

/** @throws TlspoolError `group-exists`, RuleError */
export async function createGroup(
  db: Kysely<Schema>,
  group: Group,
  members: readonly Member[],
): Promise<void> {
  if ((await findGroup(db, group.name)) !== undefined) {
    throw new TlspoolError('group-exists', `there is a group ${group.name} already`, {
      hint: 'Its members: `tlspool authz group members`, `add` and `remove`.',
    });
  }
  await insertGroup(db, group);
  if (members.length > 0) await addToGroup(db, group.name, members);
}

/** Returns how many are new. @throws TlspoolError `no-group`, `group-elsewhere`, RuleError if it came to hold itself */
export async function addToGroup(
  db: Kysely<Schema>,
  name: string,
  members: readonly Member[],
): Promise<number> {
  await requireStored(db, name);
  const added = await addMembers(db, name, members);
  if (members.some(({ kind }) => kind === 'group')) await refuseCycles(db, [name]);
  return added;
}

/** Returns how many were there. @throws TlspoolError `no-group`, `group-elsewhere`, `no-member` */
export async function removeFromGroup(
  db: Kysely<Schema>,
  name: string,
  members: readonly Member[],
): Promise<number> {
  await requireStored(db, name);
  for (const member of members) {
    if ((await removeMembers(db, name, [member])) > 0) continue;
    throw new TlspoolError('no-member', `${formatWho(member)} is not listed in group ${name}`, {
      hint: `Those that are: tlspool authz group members ${name}`,
    });
  }
  return members.length;
}

/** With its members, of which it returns the number. @throws TlspoolError `no-group`, `group-in-use` */
export async function removeGroup(db: Kysely<Schema>, name: string): Promise<number> {
  await requireGroup(db, name);
  const rules = await db
    .selectFrom('rules')
    .select('name')
    .where('who', '=', `group:${name}`)
    .orderBy('name')
    .execute();
  const holders = await db
    .selectFrom('members')
    .select('group_name')
    .where('member', '=', `group:${name}`)
    .orderBy('group_name')
    .execute();
  const users = [
    ...rules.map((rule) => `rule ${rule.name}`),
    ...holders.map((holder) => `group ${holder.group_name}`),
  ];
  if (users.length > 0) {
    throw new TlspoolError('group-in-use', `group ${name} is named by ${users.join(', ')}`, {
      hint: 'Remove that first.',
    });
  }
  const members = (await readMembers(db)).get(name) ?? [];
  await db.deleteFrom('groups').where('name', '=', name).execute();
  return members.length;
}

export interface MemberList {
  readonly text: string;
  /** For messages. */
  readonly file: string;
  /** Whoever is not in the list is no member any more. */
  readonly replace: boolean;
}

/** All of the list, or nothing. @throws RuleError naming the first line that cannot be meant */
export async function importMembers(
  db: Kysely<Schema>,
  name: string,
  { text, file, replace }: MemberList,
): Promise<{ readonly added: number; readonly removed: number; readonly groups: string[] }> {
  await requireStored(db, name);
  const { members, faults } = parseMembers(text);
  const [fault] = faults;
  if (fault !== undefined) throw new RuleError(`${file}:${fault.line}: ${fault.message}`);
  const kept = new Set(members.map(formatWho));
  const before = replace ? ((await readMembers(db)).get(name) ?? []) : [];
  const gone = before.filter((member) => !kept.has(formatWho(member)));
  const removed = await removeMembers(db, name, gone);
  const added = members.length === 0 ? 0 : await addToGroup(db, name, members);
  const groups = members.flatMap((member) => (member.kind === 'group' ? [member.group] : []));
  return { added, removed, groups };
}

/** @throws TlspoolError `no-group`, `group-elsewhere` */
async function requireStored(db: Kysely<Schema>, name: string): Promise<void> {
  const { source } = await requireGroup(db, name);
  if (source.kind === 'store') return;
  const where = source.kind === 'file' ? source.path : `${source.dn} at ${source.url}`;
  throw new TlspoolError('group-elsewhere', `the members of group ${name} are kept in ${where}`, {
    hint: 'Change them there.',
  });
}

/** A group that holds itself, through whatever others, would be about nobody in particular. @throws RuleError */
export async function refuseCycles(db: Kysely<Schema>, names: readonly string[]): Promise<void> {
  const members = await readMembers(db);
  for (const name of names) {
    const path = cycleFrom(name, members);
    if (path === undefined) continue;
    throw new RuleError(
      `group ${name} would hold itself: ${path.join(' holds ')}`,
      'Nothing was changed.',
    );
  }
}

/** `[a, b, a]`, if a group can be reached from itself. */
function cycleFrom(
  start: string,
  members: ReadonlyMap<string, readonly Member[]>,
): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const group of queue) {
    for (const member of members.get(group) ?? []) {
      if (member.kind !== 'group') continue;
      if (member.group === start) return [...wayTo(group, cameFrom), start];
      if (cameFrom.has(member.group)) continue;
      cameFrom.set(member.group, group);
      queue.push(member.group);
    }
  }
  return undefined;
}

function wayTo(group: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [group];
  for (let at = cameFrom.get(group); at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way;
}
