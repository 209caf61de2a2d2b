import {
  identityArgument,
  keyTypeFlag,
  roleFlag,
  usualRole,
} from '../../core/cli/identity-flags.ts';
import { Flags } from '../../core/cli/oclif.ts';
import { givePem, outFlag } from '../../core/cli/pem-output.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { tokenChoice, tokenFlags } from '../../core/cli/token-flags.ts';

export default class IdentitiesCsr extends PoolCommand {
  static override summary = 'make a key, and a request for a certificate from another CA';

  static override description =
    'Prints a certificate request (PKCS #10) in PEM. Give what the CA answers to `identities install`. While a request waits, it is printed again rather than made anew.';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com --out www.csr'];

  static override args = { id: identityArgument };

  static override flags = {
    role: roleFlag({
      description: 'role in TLS [default: server for domains, client for users]',
    }),
    key: keyTypeFlag({ default: 'ec-p256', description: 'kind of key' }),
    renew: Flags.boolean({ description: 'make another request although one waits' }),
    out: outFlag,
    ...tokenFlags,
  };

  async run() {
    const { args, flags } = await this.parse(IdentitiesCsr);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { requestCertificate } = await import('../../core/identity/requests.ts');
    const { requestFacts } = await import('../../core/identity/stored-requests.ts');
    const name = parseLocalName(args.id);
    await using store = await openStore(stateDir, 'write');
    const request = await requestCertificate(
      store,
      { name, role: flags.role ?? usualRole(name), keyType: flags.key, renew: flags.renew },
      tokenChoice(flags, this.prompts(flags)),
    );
    const out = await givePem(request.csr, flags.out, (text) => this.log(text));
    return { stateDir, ...requestFacts(request), out };
  }
}
