import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class SessionsClose extends PoolCommand {
  static override summary = 'end a session of the pool';

  static override description =
    'What has arrived is still delivered, both ways. Then both sides are reset, where they had not said that this was all; with --abort they are reset at once.';

  static override examples = [
    {
      description: 'the id as `sessions list` shows it',
      command: '<%= config.bin %> <%= command.id %> 3f9a1c-2b',
    },
  ];

  static override args = {
    session: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'id of the session, from `sessions list`',
    }),
  };

  static override flags = {
    abort: Flags.boolean({ description: 'end it at once, dropping what is on its way' }),
  };

  async run(): Promise<{ closed: string }> {
    const { args, flags } = await this.parse(SessionsClose);
    const { socket } = this.paths(flags);
    const { closeSession } = await import('../../client/administration.ts');
    await closeSession(args.session, { socket, abort: flags.abort });
    this.log(`Session ${args.session} ends.`);
    return { closed: args.session };
  }
}
