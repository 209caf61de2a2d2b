import { identityArgument } from '../../core/cli/identity-flags.ts';
import { Args } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class IdentitiesInstall extends PoolCommand {
  static override summary = 'take the certificate that another CA issued for a request';

  static override description =
    'The certificate must be for a key that `identities csr` made. It is refused, with the reason, if it could not prove ID.';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com chain.pem'];

  static override args = {
    id: identityArgument,
    file: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'certificates in PEM, leaf first; - is stdin',
    }),
  };

  async run() {
    const { args, flags } = await this.parse(IdentitiesInstall);
    const { stateDir } = this.paths(flags);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const { readCertificates } = await import('../../core/identity/certificate-file.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { installCertificate } = await import('../../core/identity/requests.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const name = parseLocalName(args.id);
    const chain = readCertificates(await readInput(args.file));
    await using store = await openStore(stateDir, 'write');
    const installed = await installCertificate(store, name, chain);
    const id = formatSelector(name);
    this.log(`${id} (${installed.role}) expires ${expiryWords(installed.notAfter)}`);
    this.log(`Key: ${installed.keyUri}`);
    return { stateDir, id, ...installed };
  }
}
