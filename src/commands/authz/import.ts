import type { PolicyDifference } from '../../core/authz/import-policy.ts';
import { AuthzCommand, type ChangeReport } from '../../core/cli/authz-command.ts';
import { changeFlags } from '../../core/cli/authz-flags.ts';
import { Args } from '../../core/cli/oclif.ts';

const { note: _note, ...importFlags } = changeFlags;

export default class AuthzImport extends AuthzCommand {
  static override summary = 'put a text of rules and groups in the place of those that are there';

  static override description =
    'Reads what `tlspool authz export` printed, as it was edited, and shows the difference: + is new, - is gone. Afterwards there is what the file says and nothing else, in one transaction; what stays the same keeps its author and time. With --dry-run only the difference is shown.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> policy.authz --dry-run',
    '<%= config.bin %> <%= command.id %> policy.authz --strict --apply-to-open',
  ];

  static override args = {
    file: Args.string({ required: true, ignoreStdin: true, description: '- is stdin' }),
  };

  static override flags = importFlags;

  async run(): Promise<PolicyDifference & ChangeReport> {
    const { args, flags } = await this.parse(AuthzImport);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { parsePolicy } = await import('../../core/authz/policy-file.ts');
    const { importPolicy } = await import('../../core/authz/import-policy.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const text = (await readInput(args.file)).toString('utf8');
    const policy = parsePolicy(text, this.author(undefined), args.file);
    const { value, report } = await this.change(
      flags,
      (db) => importPolicy(db, policy),
      () => ({
        locals: [
          ...policy.rules.map(({ to }) => formatSelector(to)),
          ...policy.programRules.map(({ as }) => formatSelector(as)),
          ...policy.standings.map(({ local }) => local),
        ],
        services: policy.rules.flatMap(({ service }) => service ?? []),
        groups: policy.rules.flatMap(({ who }) => (who.kind === 'group' ? [who.group] : [])),
      }),
    );
    for (const line of value.removed) this.log(`- ${line}`);
    for (const line of value.added) this.log(`+ ${line}`);
    if (value.removed.length + value.added.length === 0) this.log('Everything is so already.');
    this.printReport(report);
    return { ...value, ...report };
  }
}
