import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { DisclosureOutcome } from '../../core/identity/disclosure-outcome.ts';

type Answer = { readonly stateDir: string; readonly remote: string } & DisclosureOutcome;

export default class DiscloseTest extends PoolCommand {
  static override summary = 'show what a remote would see of us';

  static override description =
    'Walks from the remote to ever more general selectors, as a handshake does in which the server asks who we are, and says which identity would be shown and why. A program that chooses identities (`tlspool identities select`) may choose otherwise. Ends with 0 if something would be shown, 1 if nothing.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> imap.example.com',
    {
      description: 'may a program show this one?',
      command: '<%= config.bin %> <%= command.id %> imap.example.com --local-id john@example.com',
    },
  ];

  static override args = {
    remote: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'whom we talk to: example.com or user@example.com',
    }),
  };

  static override flags = {
    'local-id': Flags.string({ helpValue: 'ID', description: 'what the program says it is' }),
  };

  async run(): Promise<Answer> {
    const { args, flags } = await this.parse(DiscloseTest);
    const { stateDir } = this.paths(flags);
    const [
      { parseDonai, formatDonai },
      { openStore },
      { Disclosure },
      { LocalIdentities },
      { outcomeFor },
    ] = await Promise.all([
      import('../../core/identity/donai.ts'),
      import('../../core/store/store.ts'),
      import('../../core/identity/disclosure.ts'),
      import('../../core/identity/local-identities.ts'),
      import('../../core/identity/disclosure-outcome.ts'),
    ]);
    const remote = parseDonai(args.remote);
    const named = flags['local-id'] === undefined ? undefined : parseDonai(flags['local-id']);
    await using store = await openStore(stateDir, 'read');
    const disclosure = new Disclosure(store);
    const identities = new LocalIdentities(store);
    await Promise.all([disclosure.refresh(), identities.refresh()]);
    const outcome = outcomeFor(remote, named, disclosure, (id) => identities.find(id, 'client'));
    if (outcome.shown === null) process.exitCode = 1;
    if (!this.jsonEnabled()) this.#print(outcome);
    return { stateDir, remote: formatDonai(remote), ...outcome };
  }

  #print({ shown, reason, steps }: DisclosureOutcome): void {
    this.log(shown === null ? `Nothing is shown: ${reason}.` : `${shown} is shown: ${reason}.`);
    for (const { selector, locals, counts } of steps) {
      const what = locals.length === 0 ? '–' : locals.join(', ');
      this.log(`  ${counts ? '→' : ' '} ${selector}  ${what}`);
    }
  }
}
