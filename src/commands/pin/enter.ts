import { askingFlags, pinAsker } from '../../core/cli/asking-flags.ts';
import { Args } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

export default class PinEnter extends PoolCommand {
  static override summary = 'give the PIN of a token now';

  static override description =
    'Logs in to the token before something needs it. If another program asks for PINs already, that one asks; otherwise this command does. What waits for the token goes on. Where a token was locked by `tlspool pin lock`, or its PIN source has a wrong PIN, this opens it again.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> card',
    '<%= config.bin %> <%= command.id %> pkcs11:token=card --from /run/card-pin',
  ];

  static override args = {
    token: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'label or pkcs11: URI of the token',
    }),
  };

  static override flags = askingFlags;

  async run(): Promise<{ token: string; state: string }> {
    const { args, flags } = await this.parse(PinEnter);
    const { socket } = this.paths(flags);
    const { pins, enterPin } = await import('../../client/administration.ts');
    const { forbidDumps } = await import('../../core/engine/process.ts');
    const done = new AbortController();
    if ((await pins({ socket })).holder === null) {
      forbidDumps();
      const use = { token: args.token, deliberate: true };
      const ask = await pinAsker(flags, this.prompts(flags), use);
      const { takePinSeat } = await import('../../client/pin-seat.ts');
      const seat = await takePinSeat({ socket, ask, signal: done.signal });
      const entered = enterPin(args.token, { socket });
      entered.catch(() => undefined);
      // What goes wrong with asking is the better explanation.
      await Promise.race([entered, seat.ended.then(() => entered)]);
      done.abort();
      await seat.ended;
    } else {
      process.stderr.write('The program that asks for PINs was told to ask.\n');
      await enterPin(args.token, { socket });
    }
    this.log(`The token ${args.token} is open.`);
    return { token: args.token, state: 'ready' };
  }
}
