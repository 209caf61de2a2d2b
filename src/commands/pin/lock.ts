import { Args } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class PinLock extends PoolCommand {
  static override summary = 'log out of a token';

  static override description =
    'Signatures that are under way end, then the pool logs out and forgets the PIN. Until someone gives the PIN again (`tlspool pin enter`, or when `tlspool pin` asks), its keys cannot be used, not even if the token has a PIN source. Sessions that are open go on.';

  static override examples = ['<%= config.bin %> <%= command.id %> card'];

  static override args = {
    token: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'label or pkcs11: URI of the token',
    }),
  };

  async run(): Promise<{ token: string }> {
    const { args, flags } = await this.parse(PinLock);
    const { socket } = this.paths(flags);
    const { lockToken } = await import('../../client/administration.ts');
    await lockToken(args.token, { socket });
    this.log(`The pool has logged out of ${args.token}.`);
    return { token: args.token };
  }
}
