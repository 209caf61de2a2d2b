import { AuthzCommand, type ChangeReport } from '../../../core/cli/authz-command.ts';
import { changeFlags } from '../../../core/cli/authz-flags.ts';
import { Args, Flags } from '../../../core/cli/oclif.ts';

interface ImportedMembers extends ChangeReport {
  readonly group: string;
  readonly added: number;
  readonly removed: number;
}

export default class AuthzGroupImport extends AuthzCommand {
  static override summary = 'add the members that a file lists to a group';

  static override description =
    'FILE has a DoNAI, a selector or group:NAME in each line; # starts a comment. With --replace the group has these members only, afterwards. All of the file is taken, or nothing.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> list-members members.txt',
    {
      description: 'from another program',
      command: 'subscribers | <%= config.bin %> <%= command.id %> list-members - --replace',
    },
  ];

  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'its name' }),
    file: Args.string({ required: true, ignoreStdin: true, description: '- is stdin' }),
  };

  static override flags = {
    replace: Flags.boolean({ description: 'whoever is not in the file is no member any more' }),
    ...changeFlags,
  };

  async run(): Promise<ImportedMembers> {
    const { args, flags } = await this.parse(AuthzGroupImport);
    const { readInput } = await import('../../../core/cli/input-file.ts');
    const { importMembers } = await import('../../../core/authz/change-groups.ts');
    const text = (await readInput(args.file)).toString('utf8');
    const { value, report } = await this.change(
      flags,
      (db) => importMembers(db, args.group, { text, file: args.file, replace: flags.replace }),
      ({ groups }) => ({ groups }),
    );
    const { added, removed } = value;
    this.log(`Group ${args.group}: ${added} added, ${removed} removed.`);
    this.printReport(report);
    return { group: args.group, added, removed, ...report };
  }
}
