import { Args } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError, UsageError } from '../../core/errors.ts';

export default class TrustUnpin extends PoolCommand {
  static override summary = 'forget the key that a remote is known by';

  static override description =
    'Also what was remembered at a first use: the next key of that remote is a first one again. Without KEY all of the remote go.';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com'];

  static override args = {
    remote: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'example.com or user@example.com',
    }),
    key: Args.string({
      ignoreStdin: true,
      description: 'only this one: the beginning of what `trust list` shows',
    }),
  };

  async run(): Promise<{ stateDir: string; remote: string; removed: number }> {
    const { args, flags } = await this.parse(TrustUnpin);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { formatDonai, parseDonai } = await import('../../core/identity/donai.ts');
    const { removePins } = await import('../../core/trust/pins.ts');
    const remote = formatDonai(parseDonai(args.remote));
    const key = (args.key ?? '').replaceAll(':', '').toLowerCase();
    if (!/^[0-9a-f]{0,64}$/.test(key)) throw new UsageError('KEY is in hexadecimal');
    await using store = await openStore(stateDir, 'write');
    const removed = await removePins(store.db, remote, key);
    if (removed === 0) {
      throw new TlspoolError('no-pin', `${remote} has no such pin`, {
        hint: 'See `tlspool trust list`.',
      });
    }
    this.log(`${remote}: ${removed} pinned ${removed === 1 ? 'key' : 'keys'} forgotten.`);
    return { stateDir, remote, removed };
  }
}
