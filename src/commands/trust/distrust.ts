import { existsSync } from 'node:fs';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError } from '../../core/errors.ts';
import type { Distrust } from '../../core/trust/distrust.ts';

interface Distrusting extends Distrust {
  readonly stateDir: string;
  /** Sessions that end; null: no daemon answers that could end them. */
  readonly sessions: number | null;
}

export default class TrustDistrust extends PoolCommand {
  static override summary = 'never believe a certificate, a key or a serial number';

  static override description =
    'Beats every anchor and every pin, wherever in a chain it turns up. New handshakes see it at once, resumed sessions included. Sessions that are open go on, unless --apply-to-open ends those in which it was shown: in the daemon at once, in pools inside `wrap --standalone` and `tunnel --standalone` within a second or two. Of a session that was resumed only the certificate itself is known, and not those of its CAs. Taken back by `trust remove`.';

  static override examples = [
    {
      description: 'a certificate whose key was stolen, and all others for that key',
      command: '<%= config.bin %> <%= command.id %> stolen.pem --key --note "stolen in May"',
    },
    {
      description: 'by its serial number, as browsers show it',
      command: '<%= config.bin %> <%= command.id %> 4d:1f:88:c0:93:5e:01:77',
    },
  ];

  static override args = {
    what: Args.string({
      required: true,
      ignoreStdin: true,
      description:
        'file of the certificate, or a SHA-256 fingerprint or a serial number in hexadecimal',
    }),
  };

  static override flags = {
    key: Flags.boolean({ description: 'the key is meant, in whatever certificate it is' }),
    'apply-to-open': Flags.boolean({ description: 'end the open sessions in which it was shown' }),
    note: Flags.string({ helpValue: 'TEXT', default: '', description: 'why, for those who ask' }),
  };

  async run(): Promise<Distrusting> {
    const { args, flags } = await this.parse(TrustDistrust);
    const { stateDir, socket } = this.paths(flags);
    const apply = flags['apply-to-open'];
    const { openStore } = await import('../../core/store/store.ts');
    const { addDistrust } = await import('../../core/trust/distrust.ts');
    const distrust = { ...(await whatIsMeant(args.what, flags.key)), note: flags.note };
    await using store = await openStore(stateDir, 'write');
    await store.transaction((transaction) => addDistrust(transaction, distrust, apply));
    const { kind, value } = distrust;
    this.log(
      `The ${kind === 'serial' ? 'serial number' : kind} ${value} is not believed any more.`,
    );
    const sessions = apply ? await endSessions(socket, distrust) : 0;
    if (sessions === null) {
      this.warn(`no daemon answers at ${socket}: no session of a daemon was ended`);
    } else if (apply) this.log(`Open sessions that end: ${sessions}`);
    return { stateDir, ...distrust, sessions };
  }
}

/** null: no daemon answers. */
async function endSessions(socket: string, distrust: Distrust): Promise<number | null> {
  const { endSessionsShowing } = await import('../../client/administration.ts');
  let count = 0;
  try {
    for await (const _ of endSessionsShowing(distrust, { socket })) count += 1;
  } catch (error) {
    if (!(error instanceof TlspoolError && error.exit === 3)) throw error;
    return null;
  }
  return count;
}

async function whatIsMeant(text: string, isKey: boolean): Promise<Omit<Distrust, 'note'>> {
  if (!existsSync(text)) {
    const { parseDistrusted } = await import('../../core/trust/distrust.ts');
    return parseDistrusted(text, isKey);
  }
  const { readInput } = await import('../../core/cli/input-file.ts');
  const { readCertificates } = await import('../../core/identity/certificate-file.ts');
  const { fingerprintsOf } = await import('../../core/trust/fingerprints.ts');
  const [certificate] = readCertificates(await readInput(text));
  const { key, certificate: fingerprint } = fingerprintsOf(certificate ?? Buffer.of());
  return isKey ? { kind: 'key', value: key } : { kind: 'certificate', value: fingerprint };
}
