import {
  type AddedRule,
  AuthzRuleCommand,
  ruleConditionFlags,
  whoArgument,
} from '../../core/cli/authz-rule-command.ts';

export default class AuthzDeny extends AuthzRuleCommand {
  static override summary = 'keep remotes from using a local identity and service';

  static override description =
    'A deny that applies wins over every allow, however specific. It applies if any name of the certificate matches, and also if it is not known whether the remote is in its group. Like every rule it closes the local identity, for every service: to keep out some and let in the rest, allow `everyone` besides, or `tlspool authz open LOCALID`.';

  static override examples = [
    {
      description: 'nobody of that domain, whatever else allows them',
      command: '<%= config.bin %> <%= command.id %> .bad.example --to lists.example.org',
    },
    {
      description: 'until the end of the month, and at once',
      command:
        '<%= config.bin %> <%= command.id %> john@example.com --to . --expires 2030-01-31 --apply-to-open',
    },
  ];

  static override args = { who: whoArgument };
  static override flags = ruleConditionFlags;

  async run(): Promise<AddedRule> {
    const { args, flags } = await this.parse(AuthzDeny);
    return this.add('deny', args.who, flags);
  }
}
