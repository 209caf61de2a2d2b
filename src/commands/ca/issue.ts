import { randomBytes } from 'node:crypto';
import { keyTypeFlag, roleFlag, usualRole } from '../../core/cli/identity-flags.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { pinFlags, tokenChoice } from '../../core/cli/token-flags.ts';
import { UsageError } from '../../core/errors.ts';

export default class CaIssue extends PoolCommand {
  static override summary = 'make a key and a certificate for a browser, a phone or a mail program';

  static override description =
    'Writes both to a PKCS #12 file, protected by a passphrase. The key is made here, and whoever has file and passphrase has it: that is why --unsafe-key-outside-token must be said. Where the other side can make its own key, `ca sign` is better.\n\nWithout --passphrase-file a passphrase is made and written to FILE.passphrase, which its owner alone may read. Bring the two to the user by different ways, then destroy them.';

  static override examples = [
    {
      description: 'for a browser',
      command:
        '<%= config.bin %> <%= command.id %> john@example.com --p12 john.p12 --unsafe-key-outside-token',
    },
    {
      description: 'tried with curl',
      command:
        'curl --cert-type P12 --cert "john.p12:$(cat john.p12.passphrase)" https://www.example.com/',
    },
  ];

  static override args = {
    id: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'whom the certificate names: user@example.com or example.com',
    }),
  };

  static override flags = {
    p12: Flags.string({
      helpValue: 'FILE',
      required: true,
      description: 'the file to write; an existing one is not replaced',
    }),
    'unsafe-key-outside-token': Flags.boolean({
      description: 'the key leaves this machine in a file',
    }),
    'passphrase-file': Flags.string({
      helpValue: 'FILE',
      description: 'file with the passphrase to use, readable by its owner only',
    }),
    role: roleFlag({
      description: 'role in TLS [default: server for domains, client for users]',
    }),
    key: keyTypeFlag({ default: 'ec-p256', description: 'kind of key' }),
    days: Flags.integer({ helpValue: 'N', min: 1, description: 'how long the certificate holds' }),
    ...pinFlags,
  };

  async run() {
    const { args, flags } = await this.parse(CaIssue);
    const { stateDir, config } = this.paths(flags);
    if (!flags['unsafe-key-outside-token']) {
      throw new UsageError(
        'the key would lie in a file, outside of any token',
        'If that is meant: --unsafe-key-outside-token. If the user has a key already: tlspool ca sign.',
      );
    }
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { certifyKey, looseKeyPair } = await import('../../core/authority/certify.ts');
    const { makePkcs12 } = await import('../../core/identity/make-pkcs12.ts');
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const name = parseLocalName(args.id);
    const id = formatSelector(name);
    const role = flags.role ?? usualRole(name);
    const { SecretFile } = await import('../../core/cli/secret-file.ts');
    const { readTrustSettings } = await import('../../core/config/read-settings.ts');
    const { caUrl: url } = readTrustSettings(config);
    const given = flags['passphrase-file'];
    const passphrase = given === undefined ? madePassphrase() : await readPassphrase(given);
    await using store = await openStore(stateDir, 'write');
    const token = tokenChoice(flags, this.prompts(flags));
    await using file = await SecretFile.create(flags.p12);
    await using own =
      given === undefined ? await SecretFile.create(`${flags.p12}.passphrase`) : undefined;
    const { publicKey, privateKey } = looseKeyPair(flags.key);
    try {
      const subject = { id, role, keyType: flags.key, publicKey, days: flags.days, url };
      const { chain, serial, notAfter } = await certifyKey(store, subject, token);
      await file.write(makePkcs12(privateKey, chain, id, passphrase));
      await own?.write(`${passphrase}\n`);
      this.log(`${id} (${role}, ${flags.key}) expires ${expiryWords(notAfter)}`);
      this.log(`Key and certificate: ${file.path}`);
      if (own !== undefined) this.log(`Passphrase: in ${own.path}`);
      this.log('Bring them to the user by different ways, then destroy them here.');
      return {
        stateDir,
        id,
        role,
        keyType: flags.key,
        serial,
        notAfter,
        file: file.path,
        passphraseFile: own?.path ?? given ?? '',
      };
    } finally {
      privateKey.fill(0);
    }
  }
}

/** 120 bits in letters that are not mistaken for each other. */
function madePassphrase(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const passphrase = [...randomBytes(24)].map((byte) => letters[byte & 31]).join('');
  return passphrase.replaceAll(/(.{6})(?=.)/g, '$1-');
}

async function readPassphrase(file: string): Promise<string> {
  const { readSecretFile } = await import('../../core/cli/token-flags.ts');
  return (await readSecretFile(file)).toString();
}
