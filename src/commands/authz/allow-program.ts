import { AuthzCommand, type ChangeReport } from '../../core/cli/authz-command.ts';
import { changeFlags, ruleFlags } from '../../core/cli/authz-flags.ts';
import { Flags } from '../../core/cli/oclif.ts';

interface AddedProgramRule extends ChangeReport {
  readonly name: string;
  readonly rule: string;
  readonly isNew: boolean;
}

export default class AuthzAllowProgram extends AuthzCommand {
  static override summary = 'let local programs of other users act as a local identity';

  static override description =
    "Root and the pool's own user may act as all local identities, other users as those that a rule gives them. --exe, --digest and --unit narrow a rule for a user: they are no protection against that user, whose processes can hand their sockets to each other. A process counts for --unit only if systemd put it there.\n\nThe daemon's socket must let the user connect, too: see socket_mode and socket_group in tlspool.conf(5).";

  static override examples = [
    {
      description: 'one user as one identity',
      command: '<%= config.bin %> <%= command.id %> --user www-data --as www.example.com',
    },
    {
      description: 'a group, with one program only, as a server only',
      command:
        '<%= config.bin %> <%= command.id %> --group mail --exe /usr/sbin/smtpd --as mail.example.com --role server',
    },
  ];

  static override flags = {
    user: Flags.string({ helpValue: 'USER', description: 'name or number' }),
    group: Flags.string({ helpValue: 'GROUP', description: 'name or number' }),
    exe: Flags.string({ helpValue: 'PATH', description: 'only with this executable' }),
    digest: Flags.string({
      helpValue: 'SHA256',
      description: 'only with an executable of this content',
    }),
    unit: Flags.string({ helpValue: 'UNIT', description: 'only in this systemd unit' }),
    as: Flags.string({
      required: true,
      helpValue: 'LOCALID',
      description: 'local identity or a selector of them',
    }),
    role: Flags.string({
      helpValue: 'client|server',
      options: ['client', 'server'],
      description: 'only in this role',
    }),
    ...ruleFlags,
    ...changeFlags,
  };

  async run(): Promise<AddedProgramRule> {
    const { flags } = await this.parse(AuthzAllowProgram);
    const { makeProgramRule } = await import('../../core/authz/make-rule.ts');
    const { addProgramRule } = await import('../../core/authz/change-rules.ts');
    const { describeProgramRule } = await import('../../core/authz/program-rule.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { groupId, userId } = await import('../../core/config/values.ts');
    const author = this.author(flags.note);
    const { exe, digest, unit, as, role, name, expires } = flags;
    const uid = flags.user === undefined ? undefined : userId(flags.user);
    const gid = flags.group === undefined ? undefined : groupId(flags.group);
    const written = { exe, digest, unit, as, role, name, expires, uid, gid };
    const { value, report } = await this.change(
      flags,
      (db) => addProgramRule(db, (freeName) => makeProgramRule(written, author, freeName)),
      ({ rule }) => ({ locals: [formatSelector(rule.as)], ends: rule.expires }),
    );
    const { rule, isNew } = value;
    const added = { name: rule.name, rule: describeProgramRule(rule), isNew, ...report };
    this.log(`Rule ${rule.name}${isNew ? '' : ' says so already'}: ${added.rule}`);
    this.printReport(report);
    return added;
  }
}
