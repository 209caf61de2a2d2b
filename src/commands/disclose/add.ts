import { remoteArgument } from '../../core/cli/disclosure-arguments.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class DiscloseAdd extends PoolCommand {
  static override summary = 'let remotes see a local identity';

  static override description =
    `When a server asks a program of ours who it is, and the program does not say, the first identity that is disclosed to that server and has a credential for clients is shown. The most specific selector counts, others are not looked at: see \`<%= config.bin %> disclose test\`.

From the first entry on, nothing is shown to remotes that no entry is about, not even what a program names itself. Servers always show theirs.`;

  static override examples = [
    {
      description: 'john shows himself to the mail server',
      command: '<%= config.bin %> <%= command.id %> imap.example.com john@example.com',
    },
    {
      description: 'and to all others of that company, too',
      command: '<%= config.bin %> <%= command.id %> .example.com john@example.com',
    },
  ];

  static override args = {
    remote: remoteArgument,
    local: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'the local identity that they may see',
    }),
  };

  static override flags = {
    first: Flags.boolean({ description: 'prefer it to those that the remotes may see already' }),
  };

  async run(): Promise<{ stateDir: string; remote: string; local: string; added: boolean }> {
    const { args, flags } = await this.parse(DiscloseAdd);
    const { stateDir } = this.paths(flags);
    const [{ parseSelector, formatSelector }, { parseDonai, formatDonai }, { openStore }] =
      await Promise.all([
        import('../../core/identity/selector.ts'),
        import('../../core/identity/donai.ts'),
        import('../../core/store/store.ts'),
      ]);
    const remote = parseSelector(args.remote);
    const local = parseDonai(args.local);
    const { disclose } = await import('../../core/identity/stored-disclosure.ts');
    const { LocalIdentities } = await import('../../core/identity/local-identities.ts');
    await using store = await openStore(stateDir, 'write');
    const place = flags.first ? 'first' : 'last';
    const added = await store.transaction((transaction) =>
      disclose(transaction, remote, local, { place, move: flags.first }),
    );
    const names = { remote: formatSelector(remote), local: formatDonai(local) };
    this.log(
      added
        ? `${names.remote} may see ${names.local}.`
        : `${names.remote} may see ${names.local} already.`,
    );
    const identities = new LocalIdentities(store);
    await identities.refresh();
    if (identities.find(local, 'client') === undefined) {
      this.warn(
        `${names.local} has no credential for clients yet: tlspool identities create ${names.local}`,
      );
    }
    return { stateDir, ...names, added };
  }
}
