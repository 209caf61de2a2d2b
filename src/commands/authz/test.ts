import type { TableOutcome } from '../../core/authz/test-table.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import type { TestFormat } from '../../core/cli/test-report.ts';

export default class AuthzTest extends AuthzCommand {
  static override summary = 'hold the rules against a table of expected decisions';

  /** 1 is an answer. */
  static override failureExit = 2;

  static override description =
    'Each line of FILE says what is expected of one question: `allow` or `deny`, WHO, LOCALID, and maybe a service; then key=value: address, validated (letters), at (ISO 8601), reason and rule. WHO is a remote, `anonymous`, or uid=N for a local program, with exe and role as keys. # starts a comment. Further names of a certificate stand behind commas.\n\nRules that apply in no case are listed. Exit code 0: all is as expected, 1: something is not, 2: the file cannot be read. With --policy the rules are those of a text of `authz export`, not those of the store.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> expected.authz',
    {
      description: 'before a reviewed text becomes what holds',
      command:
        '<%= config.bin %> <%= command.id %> expected.authz --policy policy.authz --format tap',
    },
  ];

  static override args = {
    file: Args.string({ required: true, ignoreStdin: true, description: '- is stdin' }),
  };

  static override flags = {
    policy: Flags.string({ helpValue: 'FILE', description: 'rules and groups to test' }),
    format: Flags.custom<TestFormat>({
      options: ['text', 'tap', 'junit'],
      helpValue: 'text|tap|junit',
      default: 'text',
      description: 'of the report',
    })(),
  };

  async run(): Promise<TableOutcome & { readonly passed: boolean }> {
    const { args, flags } = await this.parse(AuthzTest);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { parseTable, runTable } = await import('../../core/authz/test-table.ts');
    const { testReport } = await import('../../core/cli/test-report.ts');
    const cases = parseTable((await readInput(args.file)).toString('utf8'), args.file);
    const { loaded, names } = await this.#load(flags);
    const outcome = runTable(loaded, names, cases);
    this.log(testReport(outcome, args.file, flags.format));
    const passed = outcome.cases.every((one) => one.passed);
    if (!passed) process.exitCode = 1;
    return { ...outcome, passed };
  }

  /** The policy that is tested, and the names of its rules. */
  async #load(flags: { policy?: string | undefined; 'state-dir'?: string | undefined }) {
    const { listProgramRules, listRules } = await import('../../core/authz/stored-rules.ts');
    const { loadPolicy } = await import('../../core/authz/load-policy.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const paths = this.paths(flags);
    const choices = await this.choices(paths);
    await using store = await openStore(
      paths.stateDir,
      flags.policy === undefined ? 'read' : 'write',
    );
    const load = async (db: typeof store.db) => {
      const rules = [...(await listRules(db)), ...(await listProgramRules(db))];
      return { loaded: await loadPolicy(db, choices), names: rules.map(({ name }) => name) };
    };
    if (flags.policy === undefined) return await load(store.db);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { parsePolicy } = await import('../../core/authz/policy-file.ts');
    const { importPolicy } = await import('../../core/authz/import-policy.ts');
    const { tryChange } = await import('../../core/authz/change-policy.ts');
    const text = (await readInput(flags.policy)).toString('utf8');
    const policy = parsePolicy(text, this.author(undefined), flags.policy);
    return await tryChange(store, async (db) => {
      await importPolicy(db, policy);
      return await load(db);
    });
  }
}
