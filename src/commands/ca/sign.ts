import { roleFlag, usualRole } from '../../core/cli/identity-flags.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { givePem, outFlag } from '../../core/cli/pem-output.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { pinFlags, tokenChoice } from '../../core/cli/token-flags.ts';

export default class CaSign extends PoolCommand {
  static override summary = "sign somebody else's key: a certificate from the local CA";

  static override description =
    'CSR is a certificate signing request (PKCS #10) in PEM or DER. Its own signature is checked, so that whoever asks has the key; the name, the role and all else come from the command line, whatever the request says. The certificate is printed as PEM.\n\nTo renew, sign again. What was signed is listed by `ca list`, and taken back by `ca revoke`.';

  static override examples = [
    {
      description: 'a user: the request comes from the user, the certificate goes back',
      command: '<%= config.bin %> <%= command.id %> john.csr --as john@example.com > john.pem',
    },
    {
      description: 'how the user makes the request',
      command:
        'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout john.key -subj /CN=john -out john.csr',
    },
  ];

  static override args = {
    csr: Args.string({ required: true, ignoreStdin: true, description: 'PEM or DER; - is stdin' }),
  };

  static override flags = {
    as: Flags.string({
      helpValue: 'ID',
      required: true,
      description: 'whom the certificate names: user@example.com, example.com, .example.com',
    }),
    role: roleFlag({
      description: 'role in TLS [default: server for domains, client for users]',
    }),
    days: Flags.integer({ helpValue: 'N', min: 1, description: 'how long the certificate holds' }),
    out: outFlag,
    ...pinFlags,
  };

  async run() {
    const { args, flags } = await this.parse(CaSign);
    const { stateDir, config } = this.paths(flags);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { formatPemCertificates } = await import('../../core/identity/pem.ts');
    const { readRequest } = await import('../../core/authority/certificate-request.ts');
    const { certifyKey } = await import('../../core/authority/certify.ts');
    const name = parseLocalName(flags.as);
    const id = formatSelector(name);
    const role = flags.role ?? usualRole(name);
    const key = await readRequest(await readInput(args.csr));
    const { readTrustSettings } = await import('../../core/config/read-settings.ts');
    const { caUrl: url } = readTrustSettings(config);
    await using store = await openStore(stateDir, 'write');
    const token = tokenChoice(flags, this.prompts(flags));
    const subject = { id, role, ...key, days: flags.days, url };
    const { chain, serial, notAfter } = await certifyKey(store, subject, token);
    const pem = formatPemCertificates(chain);
    const out = await givePem(pem, flags.out, (text) => this.log(text));
    if (out !== null) {
      const { expiryWords } = await import('../../core/cli/expiry.ts');
      this.log(`${id} (${role}, ${key.keyType}) expires ${expiryWords(notAfter)}`);
      this.log(`Serial number ${serial}; certificate in ${out}`);
    }
    return { stateDir, id, role, keyType: key.keyType, serial, notAfter, pem, out };
  }
}
