import { identityArgument, roleFlag } from '../../core/cli/identity-flags.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { tokenChoice, tokenFlags } from '../../core/cli/token-flags.ts';
import { UsageError } from '../../core/errors.ts';
import type { ImportedIdentity } from '../../core/identity/import-identity.ts';
import type { Selector } from '../../core/identity/selector.ts';
import type { Store } from '../../core/store/store.ts';

export default class IdentitiesImport extends PoolCommand {
  static override summary = 'take over a certificate, with its key';

  static override description =
    'FILE is a chain in PEM, leaf first, whose key is in a token already (--key says which), or a PKCS #12 file, whose key is written into the token and nowhere else. A certificate that could not prove ID is refused, with the reason.';

  static override examples = [
    {
      description: 'a PKCS #12 file',
      command: '<%= config.bin %> <%= command.id %> www.example.com www.p12',
    },
    {
      description: 'a certificate whose key is in a token',
      command:
        '<%= config.bin %> <%= command.id %> www.example.com chain.pem --key "pkcs11:token=web;object=www"',
    },
  ];

  static override args = {
    id: identityArgument,
    file: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'PEM or PKCS #12; - is stdin',
    }),
  };

  static override flags = {
    key: Flags.string({
      helpValue: 'URI',
      description: 'pkcs11: URI of the private key of a chain in PEM',
    }),
    role: roleFlag({ description: 'role in TLS [default: what the certificate allows]' }),
    'passphrase-file': Flags.string({
      helpValue: 'FILE',
      description: 'file with the passphrase of the PKCS #12 file, readable by its owner only',
    }),
    ...tokenFlags,
  };

  async run() {
    const { args, flags } = await this.parse(IdentitiesImport);
    const { stateDir } = this.paths(flags);
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const name = parseLocalName(args.id);
    const file = await readInput(args.file);
    await using store = await openStore(stateDir, 'write');
    const imported = await this.#import(store, name, file, flags);
    const id = formatSelector(name);
    this.log(`${id} (${imported.role}) expires ${expiryWords(imported.notAfter)}`);
    this.log(`Key: ${imported.keyUri}`);
    return { stateDir, id, ...imported };
  }

  async #import(
    store: Store,
    name: Selector,
    file: Buffer,
    flags: ImportFlags,
  ): Promise<ImportedIdentity> {
    const { importChain, importPkcs12 } = await import('../../core/identity/import-identity.ts');
    const token = tokenChoice(flags, this.prompts(flags));
    const { role, key } = flags;
    if (!file.includes('-----BEGIN ')) {
      if (key !== undefined) {
        throw new UsageError('a PKCS #12 file brings its own key', 'Leave out --key.');
      }
      const passphrase = await this.#passphrase(flags);
      return importPkcs12(store, { name, role, file, passphrase }, token);
    }
    const { readCertificates } = await import('../../core/identity/certificate-file.ts');
    const chain = readCertificates(file);
    if (key === undefined) {
      throw new UsageError('a chain in PEM needs its key', 'Say where it is with --key pkcs11:….');
    }
    return importChain(store, { name, role, chain }, key, token);
  }

  async #passphrase(flags: ImportFlags): Promise<string> {
    const path = flags['passphrase-file'];
    if (path === undefined) {
      return this.prompts(flags).secret('Passphrase of the PKCS #12 file:', '--passphrase-file');
    }
    const { readSecretFile } = await import('../../core/cli/token-flags.ts');
    return (await readSecretFile(path)).toString();
  }
}

interface ImportFlags {
  readonly key?: string | undefined;
  readonly role?: 'server' | 'client' | 'both' | undefined;
  readonly token?: string | undefined;
  readonly 'pin-file'?: string | undefined;
  readonly 'passphrase-file'?: string | undefined;
  readonly 'no-input': boolean;
}
