import { resolve } from 'node:path';
import { Flags } from '../core/cli/oclif.ts';
import { PoolCommand } from '../core/cli/pool-command.ts';

export default class Init extends PoolCommand {
  static override summary = 'make the state folder: a token for keys, and a local CA';

  static override description =
    `Keys live in a PKCS #11 token and never leave it. Without flags that is a SoftHSM token in the state folder, with random PINs in files that only their owner reads (\`pin\` for the pool, \`so-pin\` for setting a new one); with --module, --token and --pin-source it is a token that you have already.

The local CA has two roots, one with an EC and one with an RSA key, both in the token. Clients that trust them (\`ca export\`) trust every certificate that \`identities create\` makes.

Nothing is asked. A folder that holds a pool's state already is refused and left alone.`;

  static override examples = [
    {
      description: 'a state folder with a SoftHSM token of its own',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'keys in a token of your own, its PIN in a file of mode 0600',
      command:
        "<%= config.bin %> <%= command.id %> --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so --token 'pkcs11:token=web' --pin-source file:/etc/tlspool/pin",
    },
  ];

  static override flags = {
    module: Flags.string({
      helpValue: 'PATH',
      dependsOn: ['token', 'pin-source'],
      description: 'PKCS #11 module of a token that exists already',
    }),
    token: Flags.string({
      helpValue: 'URI',
      dependsOn: ['module', 'pin-source'],
      description: 'the token in that module, as a pkcs11: URI',
    }),
    'pin-source': Flags.string({
      helpValue: 'SOURCE',
      dependsOn: ['module', 'token'],
      description: "where that token's PIN is: file:PATH or credential:NAME; never the PIN itself",
    }),
    'pin-file': Flags.string({
      helpValue: 'FILE',
      dependsOn: ['module', 'token', 'pin-source'],
      description:
        "file with that token's PIN for now, if the source is a credential that only the daemon gets",
    }),
    label: Flags.string({
      helpValue: 'TEXT',
      exclusive: ['module'],
      default: 'tlspool',
      description: 'label of the new SoftHSM token, at most 32 bytes',
    }),
  };

  async run(): Promise<InitResult> {
    const { flags } = await this.parse(Init);
    const stateDir = resolve(this.paths(flags).stateDir);
    const [{ createState }, { describeModule }, { fileSource, parsePinSource }] = await Promise.all(
      [
        import('../core/authority/state-folder.ts'),
        import('../core/token/modules.ts'),
        import('../core/token/pin-source.ts'),
      ],
    );
    const { module, token, 'pin-source': pinSource } = flags;
    const created = await createState({
      stateDir,
      token:
        module === undefined || token === undefined || pinSource === undefined
          ? { label: flags.label }
          : {
              module: describeModule(module, process.env.SOFTHSM2_CONF),
              uri: token,
              pinSource: parsePinSource(pinSource),
              pinNow: fileSource(flags['pin-file']),
            },
    });
    this.log(`State folder   ${created.stateDir}`);
    this.log(`Token          ${created.token}`);
    this.log(`Its PIN        ${created.pinSource}`);
    for (const { kind, subject, notAfter } of created.authorities) {
      const until = notAfter.toISOString().slice(0, 10);
      this.log(`Local CA, ${kind.toUpperCase().padEnd(3)}  ${subject}, until ${until}`);
    }
    this.log('\nNext: tlspool identities create www.example.com');
    return {
      ...created,
      authorities: created.authorities.map((authority) => ({
        ...authority,
        notAfter: authority.notAfter.toISOString(),
      })),
    };
  }
}

interface InitResult {
  readonly stateDir: string;
  /** Path of the PKCS #11 module. */
  readonly module: string;
  /** Canonical `pkcs11:` URI. */
  readonly token: string;
  readonly pinSource: string;
  readonly authorities: readonly {
    readonly kind: 'ec' | 'rsa';
    readonly subject: string;
    /** SHA-256, lower-case hexadecimal. */
    readonly fingerprint: string;
    /** ISO 8601. */
    readonly notAfter: string;
  }[];
}
