import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { pinFlags, tokenChoice } from '../../core/cli/token-flags.ts';
import type { Renewal } from '../../core/concerns/renewal.ts';

type Report = Renewal & { readonly stateDir: string; readonly dryRun: boolean };

export default class IdentitiesRenew extends PoolCommand {
  static override summary = 'renew the certificates that the local CA signed and that end';

  static override description =
    `Makes a new key in the same token, and has the local CA certify it, for as long as before, where a certificate is in its last 30 days, or in the last third of its time if that is shorter. The running daemon shows the new one at once, and sessions that are open go on. What was there before stays until \`identities remove\` takes it.

What another CA signed, what is self-signed and known to others by its key, and what was revoked is left, and said with what to do about it. Exit code: 0 nothing is left that ends, 1 something is.`;

  static override examples = [
    {
      description: 'day by day, by a timer of systemd or cron',
      command: '<%= config.bin %> <%= command.id %> --no-input',
    },
    { description: 'what it would do', command: '<%= config.bin %> <%= command.id %> --dry-run' },
    {
      description: 'one identity, now',
      command: '<%= config.bin %> <%= command.id %> www.example.com --within 400',
    },
  ];

  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'only this identity' }),
  };

  static override flags = {
    within: Flags.integer({
      helpValue: 'DAYS',
      min: 1,
      description: 'what ends within so many days, however long it holds',
    }),
    'dry-run': Flags.boolean({ description: 'change nothing; say what would be renewed' }),
    ...pinFlags,
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(IdentitiesRenew);
    const { stateDir, config } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { renewIdentities } = await import('../../core/concerns/renewal.ts');
    const { requireIdentity } = await import('../../core/identity/stored-identity.ts');
    const { readTrustSettings } = await import('../../core/config/read-settings.ts');
    const name = args.id === undefined ? undefined : parseLocalName(args.id);
    const dryRun = flags['dry-run'] === true;
    await using store = await openStore(stateDir, dryRun ? 'read' : 'write');
    if (name !== undefined) await requireIdentity(store, name);
    const order = {
      id: name && formatSelector(name),
      within: flags.within,
      dryRun,
      url: readTrustSettings(config).caUrl,
    };
    const renewal = await renewIdentities(store, order, tokenChoice(flags, this.prompts(flags)));
    if (!this.jsonEnabled()) await this.#print(renewal, dryRun);
    if (renewal.left.length > 0) process.exitCode = 1;
    return { stateDir, dryRun, ...renewal };
  }

  async #print({ renewed, left }: Renewal, dryRun: boolean): Promise<void> {
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    if (renewed.length + left.length === 0) this.log('Nothing is to be renewed.');
    for (const { id, role, keyType, notAfter } of renewed) {
      const done =
        notAfter === null ? 'would be renewed' : `is renewed, and expires ${expiryWords(notAfter)}`;
      this.log(`${id} (${role}, ${keyType}) ${done}`);
    }
    for (const { id, role, keyType, reason, hint } of left) {
      this.log(`${id} (${role}, ${keyType}) is ${dryRun ? 'left' : 'not renewed'}: ${reason}`);
      if (hint !== null) this.log(`  ${hint}`);
    }
  }
}
