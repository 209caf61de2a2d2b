import { changeFlags } from '../../core/cli/authz-flags.ts';
import {
  AuthzStandingCommand,
  type ChangedStanding,
  localArgument,
} from '../../core/cli/authz-standing-command.ts';

export default class AuthzOpen extends AuthzStandingCommand {
  static override summary = 'open a local identity to everybody who is not denied';

  static override description =
    'Says outright that a local identity is open, although rules concern it: whoever no `deny` applies to gets in. Where `close` was said of a more general selector, or of a narrower one, that counts.';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com'];

  static override args = { localid: localArgument };
  static override flags = changeFlags;

  async run(): Promise<ChangedStanding> {
    const { args, flags } = await this.parse(AuthzOpen);
    return this.state(args.localid, 'open', flags);
  }
}
