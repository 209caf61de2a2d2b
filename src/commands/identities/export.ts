import { credentialFlag, identityArgument } from '../../core/cli/identity-flags.ts';
import { givePem, outFlag } from '../../core/cli/pem-output.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class IdentitiesExport extends PoolCommand {
  static override summary = 'print the certificates of a local identity';

  static override description =
    'PEM, leaf first: of the credential that is preferred, or of the one that --credential names. Keys are never exported.';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com --out www.pem'];

  static override args = { id: identityArgument };

  static override flags = { credential: credentialFlag, out: outFlag };

  async run() {
    const { args, flags } = await this.parse(IdentitiesExport);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { preferredCredential, requireCredential, requireIdentity } = await import(
      '../../core/identity/stored-identity.ts'
    );
    const { formatPemCertificates } = await import('../../core/identity/pem.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    await using store = await openStore(stateDir, 'read');
    const identity = await requireIdentity(store, parseLocalName(args.id));
    const credential =
      flags.credential === undefined
        ? preferredCredential(identity)
        : requireCredential(identity, flags.credential);
    const certificates = formatPemCertificates(credential.chain);
    const out = await givePem(certificates, flags.out, (text) => this.log(text));
    return {
      stateDir,
      id: formatSelector(identity.donai),
      credential: credential.id,
      certificates,
      out,
    };
  }
}
