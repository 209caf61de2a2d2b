import { resolve } from 'node:path';
import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { UsageError } from '../../core/errors.ts';

export default class TokensInit extends PoolCommand {
  static override summary = 'make a further token, or take one that exists into use';

  static override description =
    `With --label a blank token is initialised: one of the pool's own SoftHSM, or of the module that --module names. A token that was initialised before is never overwritten. Its PINs are random, in new files of the state folder that only their owner reads, unless --pin-source and --so-pin-source say where they are.

With --token nothing is initialised: the token is logged in to once, and remembered with its PIN source. Said again of a token that the pool knows, that changes its PIN source; \`--pin-source ask\` leaves the PIN with people, whom \`tlspool pin\` asks when a key is needed.`;

  static override examples = [
    {
      description: "a second token in the pool's own SoftHSM",
      command: '<%= config.bin %> <%= command.id %> --label mail',
    },
    {
      description: 'a hardware token that exists already',
      command:
        "<%= config.bin %> <%= command.id %> --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so --token 'pkcs11:token=web' --pin-source file:/etc/tlspool/web-pin",
    },
    {
      description: 'a token whose PIN people type when it is needed',
      command: "<%= config.bin %> <%= command.id %> --token 'pkcs11:token=card' --pin-source ask",
    },
  ];

  static override flags = {
    label: Flags.string({
      helpValue: 'TEXT',
      exactlyOne: ['label', 'token'],
      description: 'label of the new token, at most 32 bytes',
    }),
    token: Flags.string({
      helpValue: 'URI',
      dependsOn: ['pin-source'],
      description: 'a token that exists already, as a pkcs11: URI',
    }),
    module: Flags.string({
      helpValue: 'PATH',
      description:
        "PKCS #11 module of the token [default: the one that the pool knows it by, or the pool's own SoftHSM for a new one]",
    }),
    'pin-source': Flags.string({
      helpValue: 'SOURCE',
      description:
        'where the PIN is: file:PATH or credential:NAME; or `ask`, for a token that exists: people are asked. Never the PIN itself',
    }),
    'pin-file': Flags.string({
      helpValue: 'FILE',
      dependsOn: ['token'],
      description:
        "file with that token's PIN for now, if the source is a credential that only the daemon gets",
    }),
    'so-pin-source': Flags.string({
      helpValue: 'SOURCE',
      dependsOn: ['label'],
      description: "where the security officer's PIN is, likewise",
    }),
  };

  async run(): Promise<{
    uri: string;
    module: string;
    pinSource: string;
    soPinSource: string | null;
  }> {
    const { flags } = await this.parse(TokensInit);
    const [{ openStore }, { addToken }, { describeModule }, { fileSource, parsePinSource }] =
      await Promise.all([
        import('../../core/store/store.ts'),
        import('../../core/token/add-token.ts'),
        import('../../core/token/modules.ts'),
        import('../../core/token/pin-source.ts'),
      ]);
    const source = (text: string | undefined) => (text === undefined ? text : parsePinSource(text));
    const asked = flags['pin-source'] === 'ask';
    if (asked && flags.token === undefined) {
      throw new UsageError(
        'a new token needs a PIN now, that it can be given',
        'Make it without --pin-source, then say --token URI --pin-source ask.',
      );
    }
    const pinSource = asked ? undefined : source(flags['pin-source']);
    const soPinSource = source(flags['so-pin-source']);
    const { stateDir } = this.paths(flags);
    await using store = await openStore(stateDir, 'write');
    const added = await addToken(store, {
      stateDir: resolve(stateDir),
      module:
        flags.module === undefined
          ? undefined
          : describeModule(flags.module, process.env.SOFTHSM2_CONF),
      token:
        flags.token === undefined
          ? { label: flags.label ?? '', pinSource, soPinSource }
          : {
              uri: flags.token,
              pinSource,
              pinNow: fileSource(flags['pin-file']),
              ask: async () =>
                Buffer.from(
                  await this.prompts(flags).secret(`PIN of ${flags.token}:`, '--pin-file'),
                ),
            },
    });
    this.log(`Token      ${added.uri}`);
    this.log(`Its PIN    ${added.pinSource}`);
    if (added.soPinSource !== undefined) this.log(`Officer's  ${added.soPinSource}`);
    return { ...added, soPinSource: added.soPinSource ?? null };
  }
}
