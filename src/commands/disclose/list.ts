import { PoolCommand } from '../../core/cli/pool-command.ts';

interface Listing {
  readonly stateDir: string;
  readonly disclosures: readonly { readonly remote: string; readonly locals: readonly string[] }[];
}

export default class DiscloseList extends PoolCommand {
  static override summary = 'list who may see which of our identities';

  static override description =
    'Shows the selectors of remotes, and for each the local identities that may be shown to them, the preferred one first. No daemon is needed.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<Listing> {
    const { flags } = await this.parse(DiscloseList);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { Disclosure } = await import('../../core/identity/disclosure.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { formatDonai } = await import('../../core/identity/donai.ts');
    await using store = await openStore(stateDir, 'read');
    const disclosure = new Disclosure(store);
    await disclosure.refresh();
    const disclosures = [...disclosure.list()].map(({ remote, locals }) => ({
      remote: formatSelector(remote),
      locals: locals.map(formatDonai),
    }));
    if (!this.jsonEnabled()) await this.#print(stateDir, disclosures);
    return { stateDir, disclosures };
  }

  async #print(stateDir: string, disclosures: Listing['disclosures']): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    this.log(`State folder: ${stateDir}\n`);
    const rows = disclosures.map(({ remote, locals }) => ({ remote, shown: locals.join(', ') }));
    this.log(
      rows.length > 0
        ? tableLines(['remote', 'shown'], rows).join('\n')
        : 'Nothing is said: clients show what their program names, and otherwise nothing.',
    );
  }
}
