import {
  type AddedRule,
  AuthzRuleCommand,
  ruleConditionFlags,
  whoArgument,
} from '../../core/cli/authz-rule-command.ts';

export default class AuthzAllow extends AuthzRuleCommand {
  static override summary = 'let remotes use a local identity and service';

  static override description =
    'The first rule about a local identity closes it, for every service: from then on only those get in whom a rule allows, and clients must show a certificate unless a rule allows `anonymous` or `everyone`. Neither order nor specificity of rules matters: any `deny` that applies wins.\n\nThe running daemon decides by the new rule at once, resumed sessions included. Sessions that are open go on unless --apply-to-open is given.';

  static override examples = [
    {
      description: 'only members may post to the list',
      command:
        '<%= config.bin %> <%= command.id %> group:list-members --to lists.example.org --service smtp',
    },
    {
      description: 'all users of a domain, from the office and on workdays',
      command:
        '<%= config.bin %> <%= command.id %> @example.com --to intranet.example.com --from 192.0.2.0/24 --hours mon-fri',
    },
    {
      description: 'what the rule would have changed so far',
      command: '<%= config.bin %> <%= command.id %> @example.com --to www.example.com --dry-run',
    },
  ];

  static override args = { who: whoArgument };
  static override flags = ruleConditionFlags;

  async run(): Promise<AddedRule> {
    const { args, flags } = await this.parse(AuthzAllow);
    return this.add('allow', args.who, flags);
  }
}
