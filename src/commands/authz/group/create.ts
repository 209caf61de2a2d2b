import * as Flags from '@oclif/core/flags';
import type { GroupSource } from '../../../core/authz/group.ts';
import { AuthzCommand, type ChangeReport } from '../../../core/cli/authz-command.ts';
import { changeFlags } from '../../../core/cli/authz-flags.ts';
import { memberArguments } from '../../../core/cli/authz-members-command.ts';

interface CreatedGroup extends ChangeReport {
  readonly group: string;
  readonly source: string;
  readonly members: number;
}

export default class AuthzGroupCreate extends AuthzCommand {
  static override summary = 'make a group of remotes';

  static override description =
    'Members are DoNAIs, selectors such as @example.com, and other groups as group:NAME. They are kept in the store; or in a FILE, one a line, which the daemon watches.';

  static override examples = [
    {
      description: 'with its first members',
      command: '<%= config.bin %> <%= command.id %> list-members mary@example.com john@example.com',
    },
    {
      description: 'kept in a file that another program writes',
      command: '<%= config.bin %> <%= command.id %> staff --file /etc/tlspool/staff',
    },
  ];

  static override strict = false;

  static override args = memberArguments;

  static override flags = {
    file: Flags.string({
      helpValue: 'PATH',
      description: 'file that lists the members, one a line',
    }),
    ...changeFlags,
  };

  async run(): Promise<CreatedGroup> {
    const { argv, flags } = await this.parse(AuthzGroupCreate);
    const [given = '', ...words] = argv as string[];
    const { parseName } = await import('../../../core/authz/name.ts');
    const { createGroup } = await import('../../../core/authz/change-groups.ts');
    const { parseMember } = await import('../../../core/authz/who.ts');
    const group = parseName('group', given);
    const members = words.map(parseMember);
    const source = await sourceOf(flags.file);
    const author = this.author(flags.note);
    const { report } = await this.change(
      flags,
      (db) => createGroup(db, { name: group, source, ...author }, members),
      () => ({ groups: members.flatMap((one) => (one.kind === 'group' ? [one.group] : [])) }),
    );
    this.log(`Group ${group} ${flags['dry-run'] ? 'would be' : 'is'} there.`);
    this.printReport(report);
    return { group, source: source.kind, members: members.length, ...report };
  }
}

async function sourceOf(file: string | undefined): Promise<GroupSource> {
  if (file === undefined) return { kind: 'store' };
  const { requireAbsolute } = await import('../../../core/authz/group-file.ts');
  return { kind: 'file', path: requireAbsolute(file) };
}
