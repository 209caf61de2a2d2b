import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { UsageError } from '../../core/errors.ts';
import type { Store } from '../../core/store/store.ts';

export default class TrustRemove extends PoolCommand {
  static override summary = 'trust a CA no more, or take back a distrust or a revocation list';

  static override description =
    'New handshakes see it at once, resumed sessions included; sessions that are open go on.';

  static override examples = [
    {
      description: 'by the beginning of its fingerprint',
      command: '<%= config.bin %> <%= command.id %> 3f2a9c41',
    },
    {
      description: "all of the operating system's",
      command: '<%= config.bin %> <%= command.id %> --system',
    },
  ];

  static override args = {
    fingerprint: Args.string({
      ignoreStdin: true,
      description:
        'fingerprint (or serial number) as `trust list` shows it, or its beginning: of a CA, a revocation list, or what is distrusted',
    }),
  };

  static override flags = {
    system: Flags.boolean({ description: 'the CAs that came from the operating system' }),
  };

  async run(): Promise<{ stateDir: string; removed: number; fingerprint: string | undefined }> {
    const { args, flags } = await this.parse(TrustRemove);
    const { stateDir } = this.paths(flags);
    if ((args.fingerprint === undefined) === !flags.system) {
      throw new UsageError('say either FINGERPRINT or --system', 'See `tlspool trust list`.');
    }
    const { openStore } = await import('../../core/store/store.ts');
    await using store = await openStore(stateDir, 'write');
    if (args.fingerprint === undefined) {
      const { forgetSystemBundle } = await import('../../core/trust/system-bundle.ts');
      const removed = await forgetSystemBundle(store);
      this.log(`${removed} CAs of the operating system are trusted no more.`);
      return { stateDir, removed, fingerprint: undefined };
    }
    const { anchorFacts, removeAnchor, requireAnchor } = await import(
      '../../core/trust/anchors.ts'
    );
    const other = await removeOther(store, args.fingerprint);
    if (other !== undefined) {
      this.log(`${other.removed} ${other.what} ${args.fingerprint}… removed.`);
      return { stateDir, removed: other.removed, fingerprint: args.fingerprint };
    }
    const anchor = await requireAnchor(store.db, args.fingerprint);
    await removeAnchor(store.db, anchor);
    this.log(`${anchorFacts(anchor.certificate).subject} is trusted no more.`);
    return { stateDir, removed: 1, fingerprint: anchor.fingerprint };
  }
}

/** What is no anchor. */
async function removeOther(
  store: Store,
  beginning: string,
): Promise<{ readonly what: string; readonly removed: number } | undefined> {
  const digits = beginning.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{4,64}$/.test(digits)) return undefined;
  const { removeDistrust } = await import('../../core/trust/distrust.ts');
  const { removeLists } = await import('../../core/trust/crl-file.ts');
  const distrusts = await removeDistrust(store.db, digits);
  if (distrusts > 0) return { what: 'distrust of', removed: distrusts };
  const lists = await removeLists(store.db, digits);
  return lists > 0 ? { what: 'revocation list', removed: lists } : undefined;
}
