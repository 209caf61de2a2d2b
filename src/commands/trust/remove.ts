import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError, UsageError } from '../../core/errors.ts';
import type { Removable } from '../../core/trust/removal.ts';

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
    const { listRemovable } = await import('../../core/trust/removal.ts');
    const entry = await meant(args.fingerprint, await listRemovable(store.db));
    await entry.remove();
    this.log(`${printed(entry)} ${entry.is === 'anchor' ? 'is trusted no more' : 'is removed'}.`);
    return { stateDir, removed: 1, fingerprint: entry.value };
  }
}

/** @throws TlspoolError `no-anchor`; UsageError if it is not clear which one */
async function meant(beginning: string, all: readonly Removable[]): Promise<Removable> {
  const { removableBy } = await import('../../core/trust/removal.ts');
  if (!/^[0-9a-f]{4,64}$/i.test(beginning.replaceAll(':', ''))) {
    const { printable } = await import('../../core/identity/domain-name.ts');
    throw new UsageError(
      `${printable(beginning)} is not (the beginning of) a fingerprint or serial number`,
      ['At least four of the digits that `tlspool trust list` shows.', ...choices(all)].join('\n'),
    );
  }
  const found = removableBy(beginning, all);
  const [entry] = found;
  if (entry !== undefined && found.length === 1) return entry;
  if (found.length > 1) {
    const count = `${found.length} entries begin with ${beginning}`;
    throw new UsageError(
      count,
      ['Say more of the one that is meant.', ...choices(found)].join('\n'),
    );
  }
  throw new TlspoolError('no-anchor', `nothing in trust begins with ${beginning}`, {
    hint: [...(await guess(beginning, all)), ...choices(all)].join('\n'),
  });
}

/** A slip of the pen: the entry whose beginning is nearest to what was said. */
async function guess(beginning: string, all: readonly Removable[]): Promise<string[]> {
  const { nearest } = await import('../../core/cli/nearest.ts');
  const { length } = beginning;
  const near = nearest(
    beginning.toLowerCase(),
    all.map(({ value }) => value.slice(0, length)),
  );
  const entry = all.find(({ value }) => near !== undefined && value.startsWith(near));
  return entry === undefined ? [] : [`Did you mean ${printed(entry)}?`];
}

/** Entries that are shown where it was not clear which one is meant; `trust list` has the rest. */
const MOST_SHOWN = 8;

function choices(entries: readonly Removable[]): string[] {
  if (entries.length === 0) return ['There is nothing to remove.'];
  const lines = entries.slice(0, MOST_SHOWN).map((entry) => `  ${printed(entry)}`);
  const more = entries.length - lines.length;
  return ['There are:', ...lines, ...(more > 0 ? [`  and ${more} more: tlspool trust list`] : [])];
}

function printed({ value, label }: Removable): string {
  return `${value.slice(0, 16)} (${label})`;
}
