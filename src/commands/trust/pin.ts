import { existsSync } from 'node:fs';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { UsageError } from '../../core/errors.ts';

const DAY = 24 * 60 * 60 * 1000;

interface Pinned {
  readonly stateDir: string;
  readonly remote: string;
  readonly key: string;
  readonly expiresAt: Date | undefined;
  readonly rollOverAt: Date | undefined;
}

export default class TrustPin extends PoolCommand {
  static override summary = 'know a remote by its key';

  static override description =
    'A pin is what the predicates `P` and `p` of validation expressions look for; by itself it lets nobody in and keeps nobody out. A remote may have several pins, one of which must match.\n\nWith --roll-over, another key is accepted in the last days before the pin expires, once, and takes its place for as long again: for remotes that change their key at known times.';

  static override examples = [
    {
      description: 'the key of the certificate that a server has now',
      command: '<%= config.bin %> <%= command.id %> www.example.com www.pem',
    },
    {
      description: 'for a year, the next key being expected in its last month',
      command:
        '<%= config.bin %> <%= command.id %> www.example.com www.pem --days 365 --roll-over 30',
    },
    {
      description: 'and what makes it count for servers: a pin, or everything that is usual',
      command: "<%= config.bin %> trust expression set 'PTI&r&|' --role server",
    },
  ];

  static override args = {
    remote: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'example.com or user@example.com',
    }),
    key: Args.string({
      required: true,
      ignoreStdin: true,
      description:
        'file of a certificate or public key, or the SHA-256 of its SubjectPublicKeyInfo in hexadecimal',
    }),
  };

  static override flags = {
    days: Flags.integer({
      helpValue: 'N',
      min: 1,
      description: 'how long it holds; else for ever',
    }),
    'roll-over': Flags.integer({
      helpValue: 'N',
      min: 1,
      dependsOn: ['days'],
      description: 'how many days before it expires another key may take its place, once',
    }),
  };

  async run(): Promise<Pinned> {
    const { args, flags } = await this.parse(TrustPin);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { formatDonai, parseDonai } = await import('../../core/identity/donai.ts');
    const { addPin } = await import('../../core/trust/pins.ts');
    const remote = formatDonai(parseDonai(args.remote));
    const key = await keyOf(args.key);
    const expiresAt = daysFromNow(flags.days);
    const rollOver = flags['roll-over'];
    const rollOverAt = rollOver === undefined ? undefined : daysFromNow(flags.days, rollOver);
    await using store = await openStore(stateDir, 'write');
    await addPin(store.db, { remote, key, source: 'operator', expiresAt, rollOverAt });
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const end = expiresAt === undefined ? 'for ever' : `expires ${expiryWords(expiresAt)}`;
    this.log(`${remote} is known by the key ${key}`);
    this.log(`  ${end}`);
    const role = parseDonai(remote).user === undefined ? 'server' : 'client';
    const { somethingLooksAtPins } = await import('../../core/trust/wishes.ts');
    if (!(await somethingLooksAtPins(store.db, role))) {
      const set = `tlspool trust expression set 'PTI&r&|' --role ${role}`;
      this.warn(
        `no expression looks at pins, so that this one has no effect; one that does: ${set}`,
      );
    }
    return { stateDir, remote, key, expiresAt, rollOverAt };
  }
}

function daysFromNow(days: number | undefined, before = 0): Date | undefined {
  if (days === undefined) return undefined;
  if (before <= days) return new Date(Date.now() + (days - before) * DAY);
  throw new UsageError('--roll-over is more days than --days', 'It counts back from the end.');
}

async function keyOf(text: string): Promise<string> {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits) && !existsSync(text)) return digits;
  const { readInput } = await import('../../core/cli/input-file.ts');
  const { keyFingerprint } = await import('../../core/trust/key-file.ts');
  return keyFingerprint(await readInput(text));
}
