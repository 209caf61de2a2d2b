import { discardInput } from '../engine/process.ts';
import { TlspoolError } from '../errors.ts';
import { harmless } from './harmless.ts';
import { explain, type PinAsker, tokenName } from './pin-question.ts';
import { runForSecret } from './run-for-secret.ts';

const PROGRAM = 'systemd-ask-password';

/** Asks by systemd's agents: on the console while the machine starts, by `systemd-tty-ask-password-agent`, by desktops. */
export function askPassword(hasTerminal: boolean): PinAsker {
  return async (question, signal) => {
    // What was typed before the question is no answer to it.
    if (hasTerminal) discardInput(0);
    const message = [...explain(question), `PIN of ${tokenName(question)}:`].join('\n');
    const args = ['--timeout=0', `--id=tlspool:${tokenName(question)}`, '--icon=dialog-password'];
    if (!hasTerminal) args.push('--no-tty');
    const { code, secret, complaint } = await runForSecret(
      PROGRAM,
      [...args, oneLine(message)],
      signal,
    );
    if (code === 0) return withoutNewline(secret);
    secret.fill(0);
    // ECANCELED: whoever was asked declined.
    if (signal.aborted || /operation cancell?ed/i.test(complaint)) return undefined;
    const said = complaint === '' ? '' : `: ${harmless(complaint)}`;
    throw new TlspoolError('no-pin', `${PROGRAM} ended with ${code}${said}`, {
      hint: 'Is there an agent that asks? Try systemd-tty-ask-password-agent.',
    });
  };
}

/** Agents show one line. */
function oneLine(text: string): string {
  return text.replaceAll(/ *\n/g, '; ').replaceAll(/: +/g, ': ');
}

function withoutNewline(secret: Buffer): Buffer | undefined {
  const length = secret.at(-1) === 0x0a ? secret.length - 1 : secret.length;
  if (length === 0) return undefined;
  return secret.subarray(0, length);
}
