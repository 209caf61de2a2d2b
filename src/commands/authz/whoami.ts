import type { CertificateMeaning } from '../../core/authz/certificate-meaning.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { Flags } from '../../core/cli/oclif.ts';
import { UsageError } from '../../core/errors.ts';

export default class AuthzWhoami extends AuthzCommand {
  static override summary = 'say which identity and groups a certificate amounts to';

  /** 1 is an answer. */
  static override failureExit = 2;

  static override description =
    'Reads a certificate (PEM or DER, intermediate CAs behind it), or fetches that of a TLS server, and says what rules would see: the remote identity, whether the anchors of this pool prove it for a client, all names for which a deny would count, and the groups. No daemon is needed; exit code 1: nobody is proven.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> --cert mary.pem',
    '<%= config.bin %> <%= command.id %> --cert mail.example.com:465',
  ];

  static override flags = {
    cert: Flags.string({
      required: true,
      helpValue: 'FILE|HOST:PORT',
      description: 'the certificate, or a server that shows it; - is stdin',
    }),
    role: Flags.string({
      helpValue: 'client|server',
      options: ['client', 'server'],
      default: 'client',
      description: 'the role in which it would be shown to us',
    }),
  };

  async run(): Promise<CertificateMeaning> {
    const { flags } = await this.parse(AuthzWhoami);
    const paths = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { loadPolicy } = await import('../../core/authz/load-policy.ts');
    const { certificateMeaning } = await import('../../core/authz/certificate-meaning.ts');
    const chain = await readChain(flags.cert);
    await using store = await openStore(paths.stateDir, 'read');
    const { policy } = await loadPolicy(store.db, await this.choices(paths));
    const role = flags.role === 'server' ? 'server' : 'client';
    const meaning = await certificateMeaning(store, policy, chain, role);
    if (!this.jsonEnabled()) this.#print(meaning);
    if (meaning.remoteId === null) process.exitCode = 1;
    return meaning;
  }

  #print({ remoteId, names, groups, refusal, validatedBy }: CertificateMeaning): void {
    this.log(`identity   ${remoteId ?? 'anonymous: nobody is proven'}`);
    if (refusal !== null) this.log(`because    ${refusal}`);
    if (validatedBy !== '') this.log(`validated  ${validatedBy}`);
    this.log(`names      ${names.join(', ') || 'none'}`);
    this.log(`groups     ${groups.join(', ') || 'none'}`);
  }
}

async function readChain(place: string): Promise<Buffer[]> {
  const { readInput } = await import('../../core/cli/input-file.ts');
  const { readCertificates } = await import('../../core/identity/certificate-file.ts');
  const { existsSync } = await import('node:fs');
  const server = /^(.+):(\d{1,5})$/.exec(place);
  if (server !== null && !existsSync(place)) {
    const { fetchChain } = await import('../../core/authz/fetch-chain.ts');
    const port = Number(server[2]);
    if (port < 1 || port > 65_535) throw new UsageError(`there is no port ${port}`);
    return fetchChain(server[1] ?? '', port);
  }
  return readCertificates(await readInput(place));
}
