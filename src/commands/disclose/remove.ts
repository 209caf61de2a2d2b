import { remoteArgument } from '../../core/cli/disclosure-arguments.ts';
import { Args } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class DiscloseRemove extends PoolCommand {
  static override summary = 'let remotes see a local identity no more';

  static override description =
    'The selector must be one that `disclose list` shows. New handshakes see it at once; sessions that are open go on. When the last entry is gone, programs say again what they show.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> imap.example.com john@example.com',
    {
      description: 'all that they may see',
      command: '<%= config.bin %> <%= command.id %> .example.com',
    },
  ];

  static override args = {
    remote: remoteArgument,
    local: Args.string({
      ignoreStdin: true,
      description: 'the local identity; without it all of that selector',
    }),
  };

  async run(): Promise<{ stateDir: string; remote: string; removed: number }> {
    const { args, flags } = await this.parse(DiscloseRemove);
    const { stateDir } = this.paths(flags);
    const [{ parseSelector, formatSelector }, { parseDonai }, { openStore }, { withhold }] =
      await Promise.all([
        import('../../core/identity/selector.ts'),
        import('../../core/identity/donai.ts'),
        import('../../core/store/store.ts'),
        import('../../core/identity/stored-disclosure.ts'),
      ]);
    const remote = parseSelector(args.remote);
    const local = args.local === undefined ? undefined : parseDonai(args.local);
    await using store = await openStore(stateDir, 'write');
    const removed = await store.transaction((transaction) => withhold(transaction, remote, local));
    const name = formatSelector(remote);
    this.log(`${removed} ${removed === 1 ? 'entry' : 'entries'} for ${name} removed.`);
    return { stateDir, remote: name, removed };
  }
}
