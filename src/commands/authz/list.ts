import type { Rule } from '../../core/authz/rule.ts';
import type { StoredStanding } from '../../core/authz/stored-rules.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { Flags } from '../../core/cli/oclif.ts';

interface ListedRule {
  readonly name: string;
  readonly about: 'remotes' | 'programs';
  /** As a command would say it. */
  readonly rule: string;
  readonly note: string;
  readonly madeBy: string;
  readonly madeAt: string;
}

interface RuleListing {
  readonly stateDir: string;
  readonly rules: readonly ListedRule[];
  readonly standings: readonly StoredStanding[];
}

export default class AuthzList extends AuthzCommand {
  static override summary = 'list the rules about who may do what';

  static override description =
    'Shows rules about remotes and about local programs, and which local identities were opened or closed outright. With --for only what concerns one remote: also what it is in through groups. No daemon is needed.';

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'all that may decide about her',
      command: '<%= config.bin %> <%= command.id %> --for mary@example.com',
    },
  ];

  static override flags = {
    for: Flags.string({
      helpValue: 'WHO',
      description: 'only rules about this remote: a DoNAI, anonymous, or group:NAME',
    }),
  };

  async run(): Promise<RuleListing> {
    const { flags } = await this.parse(AuthzList);
    const paths = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { listProgramRules, listRules, listStandings } = await import(
      '../../core/authz/stored-rules.ts'
    );
    const { describeRule } = await import('../../core/authz/rule.ts');
    const { describeProgramRule } = await import('../../core/authz/program-rule.ts');
    await using store = await openStore(paths.stateDir, 'read');
    const all = await listRules(store.db);
    const rules = flags.for === undefined ? all : await this.#about(flags.for, all, flags);
    const programs = flags.for === undefined ? await listProgramRules(store.db) : [];
    const listing = {
      stateDir: paths.stateDir,
      rules: [
        ...rules.map((rule) => ({
          name: rule.name,
          about: 'remotes' as const,
          rule: describeRule(rule),
          note: rule.note,
          madeBy: rule.madeBy,
          madeAt: rule.madeAt,
        })),
        ...programs.map((rule) => ({
          name: rule.name,
          about: 'programs' as const,
          rule: describeProgramRule(rule),
          note: rule.note,
          madeBy: rule.madeBy,
          madeAt: rule.madeAt,
        })),
      ],
      standings: flags.for === undefined ? await listStandings(store.db) : [],
    };
    if (!this.jsonEnabled()) await this.#print(listing, flags.for);
    return listing;
  }

  async #about(
    who: string,
    rules: readonly Rule[],
    flags: { 'state-dir'?: string | undefined },
  ): Promise<readonly Rule[]> {
    const { rulesAbout } = await import('../../core/authz/rules-about.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const { loadPolicy } = await import('../../core/authz/load-policy.ts');
    const paths = this.paths(flags);
    await using store = await openStore(paths.stateDir, 'read');
    const { findDoubts } = await import('../../core/authz/doubts.ts');
    const groups = who.toLowerCase().startsWith('group:') ? [who.slice('group:'.length)] : [];
    for (const doubt of await findDoubts(store.db, { groups }, false)) this.warn(doubt);
    const { memberships } = await loadPolicy(store.db, await this.choices(paths));
    return rulesAbout(who, rules, memberships);
  }

  async #print(
    { stateDir, rules, standings }: RuleListing,
    about: string | undefined,
  ): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    this.log(`State folder: ${stateDir}\n`);
    for (const { local, is } of standings) this.log(`${local} is ${is}, by command.`);
    if (standings.length > 0) this.log('');
    const rows = rules.map(({ name, rule, note, madeBy, madeAt }) => ({
      name,
      rule,
      by: `${madeBy} ${madeAt.slice(0, 10)}`,
      note,
    }));
    const lines = tableLines(['name', 'rule', 'by', 'note'], rows);
    if (lines.length > 0) this.log(lines.join('\n'));
    else if (about !== undefined) this.log(`No rule is about ${about}.`);
    else this.log('No rules: whoever is not kept out by validation gets in everywhere.');
  }
}
