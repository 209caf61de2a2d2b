import {
  AuthzMembersCommand,
  type ChangedMembers,
  memberArguments,
  memberFlags,
} from '../../../core/cli/authz-members-command.ts';

export default class AuthzGroupAdd extends AuthzMembersCommand {
  static override summary = 'add members to a group';

  static override description =
    'Members are DoNAIs, selectors such as @example.com, and other groups as group:NAME. The daemon sees it at once.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> list-members mary@example.com group:staff',
  ];

  static override strict = false;
  static override args = memberArguments;
  static override flags = memberFlags;

  async run(): Promise<ChangedMembers> {
    const { argv, flags } = await this.parse(AuthzGroupAdd);
    const { addToGroup } = await import('../../../core/authz/change-groups.ts');
    return this.changeMembers(argv as string[], flags, addToGroup, 'added');
  }
}
