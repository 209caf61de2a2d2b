import {
  identityArgument,
  keyTypeFlag,
  roleFlag,
  usualRole,
} from '../../core/cli/identity-flags.ts';
import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { tokenChoice, tokenFlags } from '../../core/cli/token-flags.ts';

export default class IdentitiesCreate extends PoolCommand {
  static override summary = 'make a local identity: a key in the token and a certificate for it';

  static override description =
    'The key is made in the token and never leaves it. The certificate comes from the local CA, which others have to trust (see `ca export`), or is self-signed.';

  static override examples = [
    {
      description: 'a server',
      command: '<%= config.bin %> <%= command.id %> www.example.com',
    },
    {
      description: 'the same server, for clients that know RSA only',
      command: '<%= config.bin %> <%= command.id %> www.example.com --key rsa-2048',
    },
    {
      description: 'a user who is a client',
      command: '<%= config.bin %> <%= command.id %> john@example.com --role client',
    },
    {
      description: 'every host below example.com',
      command: '<%= config.bin %> <%= command.id %> .example.com',
    },
  ];

  static override args = { id: identityArgument };

  static override flags = {
    role: roleFlag({
      description: 'role in TLS [default: server for domains, client for users]',
    }),
    key: keyTypeFlag({ default: 'ec-p256', description: 'kind of key' }),
    'self-signed': Flags.boolean({ description: 'let the certificate vouch for itself' }),
    days: Flags.integer({ helpValue: 'N', min: 1, description: 'how long the certificate holds' }),
    renew: Flags.boolean({
      description: 'make another key although there is one of that kind; the new one is preferred',
    }),
    ...tokenFlags,
  };

  async run() {
    const { args, flags } = await this.parse(IdentitiesCreate);
    const { stateDir, config } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { makeIdentity } = await import('../../core/identity/new-identity.ts');
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const { readTrustSettings } = await import('../../core/config/read-settings.ts');
    const name = parseLocalName(args.id);
    const role = flags.role ?? usualRole(name);
    await using store = await openStore(stateDir, 'write');
    const wanted = {
      name,
      role,
      keyType: flags.key,
      selfSigned: flags['self-signed'],
      days: flags.days,
      renew: flags.renew,
      url: readTrustSettings(config).caUrl,
    };
    const made = await makeIdentity(store, wanted, tokenChoice(flags, this.prompts(flags)));
    const id = formatSelector(name);
    this.log(`${id} (${role}, ${flags.key}) expires ${expiryWords(made.notAfter)}`);
    this.log(`Key: ${made.keyUri}`);
    if (!flags['self-signed']) {
      this.log('Others need the local CA to believe it: tlspool ca export');
    }
    return { stateDir, id, role, keyType: flags.key, ...made };
  }
}
