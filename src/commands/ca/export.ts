import { givePem, outFlag, rootFlag } from '../../core/cli/pem-output.ts';
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
    kind: rootFlag('which root'),
    out: outFlag,
  };

  async run(): Promise<{ pem: string; out: string | null }> {
    const { flags } = await this.parse(CaExport);
    const { exportAnchors } = await import('../../core/authority/authorities.ts');
    const { openStore } = await import('../../core/store/store.ts');
    await using store = await openStore(this.paths(flags).stateDir, 'read');
    const pem = await exportAnchors(store, flags.kind === 'both' ? undefined : [flags.kind]);
    const out = await givePem(pem, flags.out, (text) => this.log(text));
    return { pem, out };
  }
}
