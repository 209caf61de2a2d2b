import { askingFlags, pinAsker } from '../../core/cli/asking-flags.ts';
import { Flags } from '../../core/cli/oclif.ts';
import type { Prompts } from '../../core/cli/prompts.ts';
import { RunningCommand } from '../../core/cli/running-command.ts';
import { untilInterrupted } from '../../core/cli/until-interrupted.ts';
import { UsageError } from '../../core/errors.ts';
import { harmless } from '../../core/seats/harmless.ts';
import type { TouchView } from '../../core/server/touches.ts';

export default class Pin extends RunningCommand {
  static override summary = 'ask people for PINs when tokens need them';

  static override description =
    `Runs until it is ended, and asks whenever a key is needed whose token is locked: which program of which user wants to be whom, and to whom. What is typed unlocks the token; a handshake that waits for it goes on. Nothing typed declines, which ends what waits with an error. A token that seems to wait for a touch is told of, too. One program asks at a time.

It asks at the terminal, by one of GnuPG's pinentry programs, by systemd, or answers from a file or credential. Only root, the pool's user and members of seat_group may run it. No PIN is ever tried that was not given for the question.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'dialogs on a desktop',
      command: '<%= config.bin %> <%= command.id %> --pinentry pinentry-gnome3',
    },
    {
      description: 'a PIN that systemd decrypts for this service',
      command:
        '<%= config.bin %> <%= command.id %> --from credential:card-pin --token pkcs11:token=card',
    },
  ];

  static override flags = {
    ...askingFlags,
    token: Flags.string({
      helpValue: 'TOKEN',
      dependsOn: ['from'],
      description: 'label or pkcs11: URI of the one token that --from is for, if there are several',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Pin);
    const { socket } = this.paths(flags);
    const prompts = this.prompts(flags);
    const { forbidDumps } = await import('../../core/engine/process.ts');
    forbidDumps();
    const ask = await pinAsker(flags, prompts, { token: flags.token, deliberate: false });
    const overview = await this.#overview(socket);
    if (flags.from !== undefined && flags.token === undefined && overview?.length !== 1) {
      throw new UsageError(
        'a PIN from a source is for one token, and there may be several',
        'Say which: --token LABEL.',
      );
    }
    await requireToken(flags.token, overview);
    const end = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => end.abort());
    }
    const { takePinSeat } = await import('../../client/pin-seat.ts');
    const touch = (each: TouchView) => tellTouch(prompts, each);
    const seat = await takePinSeat({ socket, ask, touch, signal: end.signal });
    if (!end.signal.aborted) this.#greet(overview);
    await untilInterrupted(seat.ended);
  }

  /** Where each token logs in from; undefined: that is not for us to know. */
  async #overview(socket: string) {
    const { status } = await import('../../client/administration.ts');
    const { TlspoolError } = await import('../../core/errors.ts');
    try {
      return (await status({ socket })).tokens;
    } catch (error) {
      if (error instanceof TlspoolError && error.code === 'EACCES') return undefined;
      throw error;
    }
  }

  #greet(
    tokens: readonly { label: string; loginFrom?: string | undefined; state: string }[] | undefined,
  ): void {
    const { stderr } = process;
    for (const { label, loginFrom, state } of tokens ?? []) {
      const where =
        loginFrom === undefined ? 'its PIN is asked for here' : `logs in from ${loginFrom}`;
      stderr.write(`Token ${label}: ${where} (${state})\n`);
    }
    if (tokens?.length === 0) stderr.write('The pool has no token yet.\n');
    stderr.write(
      'tlspool pin: ready; PINs are asked for when they are needed, Ctrl-C ends this.\n',
    );
  }
}

/** With a name that is mistyped every question would be declined. */
async function requireToken(
  wanted: string | undefined,
  tokens: readonly { uri: string; label: string }[] | undefined,
): Promise<void> {
  if (wanted === undefined || tokens === undefined) return;
  const { isToken } = await import('../../core/seats/source-asker.ts');
  if (tokens.some((token) => isToken(token, wanted))) return;
  throw new UsageError(
    `no token of this pool is ${wanted}`,
    `There are: ${tokens.map(({ label, uri }) => label || uri).join(', ')}`,
  );
}

/** Nothing is to be typed: a question that stands there stays as it is, one line further down. */
function tellTouch(prompts: Prompts, { token, awaited }: TouchView): void {
  const name = harmless(token.label) || token.uri;
  prompts.note(
    awaited
      ? `\nThe token ${name} does not answer: touch it, if that is what it waits for.`
      : `The token ${name} answers again.`,
  );
}
