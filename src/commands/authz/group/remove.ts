import {
  AuthzMembersCommand,
  type ChangedMembers,
  memberArguments,
  memberFlags,
} from '../../../core/cli/authz-members-command.ts';
import { Flags } from '../../../core/cli/oclif.ts';
import { UsageError } from '../../../core/errors.ts';

export default class AuthzGroupRemove extends AuthzMembersCommand {
  static override summary = 'remove members from a group, or a whole group';

  static override description =
    'Sessions of removed members that are open go on unless --apply-to-open is given. A group that a rule or another group names cannot be removed.';

  static override examples = [
    {
      description: 'and end his sessions',
      command: '<%= config.bin %> <%= command.id %> list-members john@example.com --apply-to-open',
    },
    {
      description: 'the group itself',
      command: '<%= config.bin %> <%= command.id %> staff --whole',
    },
  ];

  static override strict = false;
  static override args = memberArguments;

  static override flags = {
    ...memberFlags,
    whole: Flags.boolean({ description: 'the group itself, with all its members' }),
  };

  async run(): Promise<ChangedMembers> {
    const { argv, flags } = await this.parse(AuthzGroupRemove);
    const { removeFromGroup, removeGroup } = await import('../../../core/authz/change-groups.ts');
    const words = argv as string[];
    if (!flags.whole) return this.changeMembers(words, flags, removeFromGroup, 'removed');
    if (words.length > 1) throw new UsageError('--whole removes the group, and takes no members');
    const [group = ''] = words;
    const { value, report } = await this.change(flags, (db) => removeGroup(db, group));
    this.log(
      `Group ${group} ${flags['dry-run'] ? 'would be' : 'is'} removed, with ${value} members.`,
    );
    this.printReport(report);
    return { group, changed: value, ...report };
  }
}
