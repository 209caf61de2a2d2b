import { changeFlags } from '../../core/cli/authz-flags.ts';
import {
  AuthzStandingCommand,
  type ChangedStanding,
  localArgument,
} from '../../core/cli/authz-standing-command.ts';

export default class AuthzClose extends AuthzStandingCommand {
  static override summary = 'close a local identity to all but those whom a rule allows';

  static override description =
    'Says outright that a local identity is closed, for every service, with or without rules about it. Clients must show a certificate unless a rule allows `anonymous` or `everyone`.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> lists.example.org',
    {
      description: 'everything below a domain',
      command: '<%= config.bin %> <%= command.id %> .internal.example',
    },
  ];

  static override args = { localid: localArgument };
  static override flags = changeFlags;

  async run(): Promise<ChangedStanding> {
    const { args, flags } = await this.parse(AuthzClose);
    return this.state(args.localid, 'closed', flags);
  }
}
