import { readlinkSync } from 'node:fs';
import { TlspoolError, UsageError } from '../errors.ts';
import type { PinAsker } from '../seats/pin-question.ts';
import type { Terminal } from '../seats/pinentry-program.ts';
import { Flags } from './oclif.ts';
import type { Prompts } from './prompts.ts';

const ways = ['pinentry', 'ask-password', 'from'] as const;

/** How people are asked for PINs, if not on the terminal. */
export const askingFlags = {
  pinentry: Flags.string({
    helpValue: 'PROGRAM',
    exclusive: ways.filter((way) => way !== 'pinentry'),
    description: "ask by one of GnuPG's pinentry programs, such as pinentry-gnome3",
  }),
  'ask-password': Flags.boolean({
    exclusive: ways.filter((way) => way !== 'ask-password'),
    description: "ask by systemd's agents (systemd-ask-password)",
  }),
  from: Flags.string({
    helpValue: 'SOURCE',
    exclusive: ways.filter((way) => way !== 'from'),
    description: 'ask nobody: the PIN is in file:PATH (or just PATH) or credential:NAME',
  }),
};

export interface PinFlags {
  readonly pinentry?: string | undefined;
  readonly 'ask-password'?: boolean | undefined;
  readonly from?: string | undefined;
}

export interface SourceUse {
  /** The only one that `--from` is for; undefined: there is only one. */
  readonly token: string | undefined;
  /** A person says now that the PIN is to be given. */
  readonly deliberate: boolean;
}

/** @throws UsageError if nobody can be asked */
export async function pinAsker(
  flags: PinFlags,
  prompts: Prompts,
  { token, deliberate }: SourceUse,
): Promise<PinAsker> {
  if (flags.from !== undefined) {
    const { sourceAsker } = await import('../seats/source-asker.ts');
    const { fileSource, parsePinSource } = await import('../token/pin-source.ts');
    const source = /^(?:file|credential):/.test(flags.from)
      ? parsePinSource(flags.from)
      : fileSource(flags.from);
    if (source === undefined) throw new UsageError('--from needs a source');
    return sourceAsker(source, { token, deliberate, say: (text) => prompts.note(text) });
  }
  if (flags.pinentry !== undefined) {
    const { pinentryProgram } = await import('../seats/pinentry-program.ts');
    await requireProgram(flags.pinentry);
    return pinentryProgram(flags.pinentry, terminal());
  }
  if (flags['ask-password'] === true) {
    const { askPassword } = await import('../seats/ask-password.ts');
    return askPassword(process.stdin.isTTY === true);
  }
  if (!prompts.mayAsk) {
    throw new UsageError(
      'there is no terminal to ask at',
      'Say --pinentry PROGRAM, --ask-password or --from SOURCE.',
    );
  }
  return terminalAsker(prompts);
}

/** Better now than when a PIN is needed. @throws UsageError */
async function requireProgram(name: string): Promise<void> {
  const { checkExecutable } = await import('../wrap/executable.ts');
  try {
    checkExecutable(name, process.env.PATH);
  } catch (error) {
    if (!(error instanceof TlspoolError)) throw error;
    throw new UsageError(
      error.message,
      'GnuPG has such programs: pinentry-gnome3, pinentry-qt, pinentry-curses, pinentry-tty.',
    );
  }
}

async function terminalAsker(prompts: Prompts): Promise<PinAsker> {
  const { explain, tokenName } = await import('../seats/pin-question.ts');
  // What is typed between the explanation and the question would show.
  await prompts.prepare();
  return async (question, signal) => {
    prompts.note(['', ...explain(question)].join('\n'));
    if (question.attempt > 0) prompts.note('The PIN was wrong.');
    const message = `PIN of ${tokenName(question)} (nothing declines):`;
    try {
      const typed = await prompts.pin(message, '--from', signal);
      prompts.note(typed === undefined ? 'Declined.' : 'The PIN was given.');
      return typed === undefined ? undefined : Buffer.from(typed);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  };
}

/** Where a pinentry program without windows can ask. */
function terminal(): Terminal | undefined {
  if (process.stdin.isTTY !== true) return undefined;
  const { TERM, LC_ALL, LC_CTYPE, LANG } = process.env;
  return {
    name: readlinkSync('/proc/self/fd/0'),
    type: TERM ?? 'dumb',
    locale: LC_ALL || LC_CTYPE || LANG || 'C.UTF-8',
  };
}
