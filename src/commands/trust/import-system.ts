import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { BundleChange } from '../../core/trust/system-bundle.ts';

export default class TrustImportSystem extends PoolCommand {
  static override summary = 'trust the CAs that the operating system trusts, for servers';

  static override description =
    'Run it again after the system changed: what it took out goes, what it added comes. They vouch for servers only. The same as `trust add --system`.';

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'all but the servers of our own domain',
      command: '<%= config.bin %> <%= command.id %> --for .com --for .org',
    },
  ];

  static override flags = {
    for: Flags.string({
      helpValue: 'SELECTOR',
      multiple: true,
      multipleNonGreedy: true,
      description: 'names that they vouch for, such as .com; every name unless told',
    }),
  };

  async run(): Promise<BundleChange & { readonly stateDir: string }> {
    const { flags } = await this.parse(TrustImportSystem);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseSelector } = await import('../../core/identity/selector.ts');
    const { ANYONE } = await import('../../core/trust/anchors.ts');
    const { followSystemBundle } = await import('../../core/trust/system-bundle.ts');
    await using store = await openStore(stateDir, 'write');
    const change = await followSystemBundle(store, flags.for?.map(parseSelector) ?? ANYONE);
    const { path, added, removed, kept, skipped } = change;
    this.log(`${path} vouches for servers`);
    this.log(`  ${added} CAs added, ${removed} removed, ${kept} as before, ${skipped} not usable`);
    return { stateDir, ...change };
  }
}
