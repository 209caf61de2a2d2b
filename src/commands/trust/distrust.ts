import { existsSync } from 'node:fs';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { Distrust } from '../../core/trust/distrust.ts';

export default class TrustDistrust extends PoolCommand {
  static override summary = 'never believe a certificate, a key or a serial number';

  static override description =
    'Beats every anchor and every pin, wherever in a chain it turns up. New handshakes see it at once, resumed sessions included; sessions that are open go on. Taken back by `trust remove`.';

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
    note: Flags.string({ helpValue: 'TEXT', default: '', description: 'why, for those who ask' }),
  };

  async run(): Promise<Distrust & { readonly stateDir: string }> {
    const { args, flags } = await this.parse(TrustDistrust);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { addDistrust } = await import('../../core/trust/distrust.ts');
    const distrust = { ...(await whatIsMeant(args.what, flags.key)), note: flags.note };
    await using store = await openStore(stateDir, 'write');
    await addDistrust(store.db, distrust);
    const { kind, value } = distrust;
    this.log(
      `The ${kind === 'serial' ? 'serial number' : kind} ${value} is not believed any more.`,
    );
    return { stateDir, ...distrust };
  }
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
