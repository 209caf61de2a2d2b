import type { Kysely } from 'kysely';
import type { Member } from '../authz/who.ts';
import { UsageError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import { AuthzCommand, type ChangeReport } from './authz-command.ts';
import { changeFlags } from './authz-flags.ts';
import { Args } from './oclif.ts';

export interface ChangedMembers extends ChangeReport {
  readonly group: string;
  /** How many members came or went. */
  readonly changed: number;
}

type MemberChange = (
  db: Kysely<Schema>,
  group: string,
  members: readonly Member[],
) => Promise<number>;

const { note: _note, ...flagsWithoutNote } = changeFlags;
export const memberFlags = flagsWithoutNote;

export const memberArguments = {
  group: Args.string({ required: true, ignoreStdin: true, description: 'its name' }),
  member: Args.string({ ignoreStdin: true, multiple: true, description: 'members' }),
};

/** A command that changes who is in a group. */
export abstract class AuthzMembersCommand extends AuthzCommand {
  protected async changeMembers(
    [group = '', ...words]: readonly string[],
    flags: Parameters<AuthzCommand['change']>[0],
    change: MemberChange,
    done: string,
  ): Promise<ChangedMembers> {
    if (words.length === 0) {
      const one = 'Name one or more, such as john@example.com';
      const all = done === 'removed' ? '; --whole removes the group itself' : '';
      throw new UsageError('missing MEMBER', `${one}${all}.`);
    }
    const { parseMember } = await import('../authz/who.ts');
    const members = words.map(parseMember);
    const { value, report } = await this.change(
      flags,
      (db) => change(db, group.toLowerCase(), members),
      () => ({ groups: members.flatMap((one) => (one.kind === 'group' ? [one.group] : [])) }),
    );
    const rest = members.length - value;
    const same = rest > 0 ? `, ${rest} there before` : '';
    this.log(`Group ${group}: ${value === 1 ? '1 member' : `${value} members`} ${done}${same}.`);
    this.printReport(report);
    return { group, changed: value, ...report };
  }
}
