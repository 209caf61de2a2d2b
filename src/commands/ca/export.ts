import * as Flags from '@oclif/core/flags';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class CaExport extends PoolCommand {
  static override summary = "print the local CA's root certificates as PEM";

  static override description =
    `Whoever is to trust the certificates of the local CA needs these, and they are no secret. Leaves follow the kind of their key: an RSA one comes from the RSA root, an EC or Ed25519 one from the EC root; give clients both unless you know better.`;

  static override examples = [
    {
      description: 'what a client needs to trust everything that the local CA signed',
      command: '<%= config.bin %> <%= command.id %> --out ca.pem',
    },
    {
      description: 'look at the EC root',
      command: '<%= config.bin %> <%= command.id %> --kind ec | openssl x509 -noout -text',
    },
  ];

  static override flags = {
    kind: Flags.option({
      helpValue: 'KIND',
      options: ['ec', 'rsa', 'both'] as const,
      default: 'both' as const,
      description: 'which root',
    })(),
    out: Flags.string({
      char: 'o',
      helpValue: 'FILE',
      description: 'write to this file (an existing one is replaced) instead of stdout',
    }),
  };

  async run(): Promise<{ pem: string; out: string | null }> {
    const { flags } = await this.parse(CaExport);
    const [{ exportAnchors }, { openStore }, { writeFile }] = await Promise.all([
      import('../../core/authority/authorities.ts'),
      import('../../core/store/store.ts'),
      import('node:fs/promises'),
    ]);
    const store = await openStore(this.paths(flags).stateDir, 'read');
    try {
      const pem = await exportAnchors(store, flags.kind === 'both' ? undefined : [flags.kind]);
      if (flags.out === undefined) this.log(pem.trimEnd());
      else await writeFile(flags.out, pem);
      return { pem, out: flags.out ?? null };
    } finally {
      await store.close();
    }
  }
}
