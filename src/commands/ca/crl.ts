import { Flags } from '../../core/cli/oclif.ts';
import { givePem, outFlag, rootFlag } from '../../core/cli/pem-output.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { pinFlags, tokenChoice } from '../../core/cli/token-flags.ts';

export default class CaCrl extends PoolCommand {
  static override summary = "print the local CA's revocation lists as PEM";

  static override description =
    'For others than this pool, which need no list to know. A list is signed by one root; those who check the other must have its list too. Make new ones before they expire.';

  static override examples = [
    {
      description: 'for nginx: ssl_crl, with both roots in ssl_client_certificate',
      command: '<%= config.bin %> <%= command.id %> --out /etc/nginx/tlspool-crl.pem',
    },
  ];

  static override flags = {
    kind: rootFlag('of which root'),
    days: Flags.integer({
      helpValue: 'N',
      min: 1,
      max: 365,
      default: 7,
      description: 'how long they count',
    }),
    out: outFlag,
    ...pinFlags,
  };

  async run(): Promise<{ pem: string; revoked: number; out: string | null }> {
    const { flags } = await this.parse(CaCrl);
    const { openStore } = await import('../../core/store/store.ts');
    const { listAuthorities } = await import('../../core/authority/authorities.ts');
    const { sessionSigner } = await import('../../core/authority/authority-signer.ts');
    const { makeCrl } = await import('../../core/authority/crl.ts');
    const { listIssued } = await import('../../core/authority/issued.ts');
    const { openIdentityToken } = await import('../../core/identity/identity-token.ts');
    const { formatPem } = await import('../../core/identity/pem.ts');
    await using store = await openStore(this.paths(flags).stateDir, 'read');
    const token = tokenChoice(flags, this.prompts(flags));
    const issued = await listIssued(store);
    let pem = '';
    for (const authority of await listAuthorities(store)) {
      if (flags.kind !== 'both' && flags.kind !== authority.kind) continue;
      using session = await openIdentityToken(store, { ...token, uri: authority.keyUri });
      const list = await makeCrl(sessionSigner(session, authority), issued, flags.days);
      pem += formatPem('X509 CRL', list);
    }
    const out = await givePem(pem, flags.out, (text) => this.log(text));
    const revoked = issued.filter(({ revokedAt }) => revokedAt !== undefined).length;
    return { pem, revoked, out };
  }
}
