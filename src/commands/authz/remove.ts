import { AuthzCommand, type ChangeReport } from '../../core/cli/authz-command.ts';
import { changeFlags } from '../../core/cli/authz-flags.ts';
import { Args } from '../../core/cli/oclif.ts';

interface RemovedRules extends ChangeReport {
  readonly removed: readonly { readonly name: string; readonly text: string }[];
}

const { note: _note, strict: _strict, ...removalFlags } = changeFlags;

export default class AuthzRemove extends AuthzCommand {
  static override summary = 'remove rules';

  static override description =
    'Removes rules about remotes or programs by name, all or none. A local identity that no rule concerns any more is open again, which is said; `tlspool authz close` keeps it closed.';

  static override examples = [
    { description: 'as `authz list` shows it', command: '<%= config.bin %> <%= command.id %> r7' },
    {
      description: 'and end the sessions that it let in',
      command: '<%= config.bin %> <%= command.id %> members --apply-to-open',
    },
  ];

  static override strict = false;

  static override args = {
    rule: Args.string({
      required: true,
      ignoreStdin: true,
      multiple: true,
      description: 'name of the rule',
    }),
  };

  static override flags = removalFlags;

  async run(): Promise<RemovedRules> {
    const { argv, flags } = await this.parse(AuthzRemove);
    const { removeRule } = await import('../../core/authz/change-rules.ts');
    const { value, report } = await this.change(flags, async (db) => {
      const removed = [];
      for (const name of argv as string[]) removed.push(await removeRule(db, name));
      return removed;
    });
    const now = flags['dry-run'] ? 'would be' : 'is';
    for (const { name, text } of value) this.log(`Rule ${name} ${now} gone: ${text}`);
    this.printReport(report);
    return { removed: value, ...report };
  }
}
