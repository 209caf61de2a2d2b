import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtLauncher } from '../engine/launcher.ts';
import { discardInput } from '../engine/process.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import { AssuanClient } from './assuan.ts';
import { explain, type PinAsker, type PinQuestion, tokenName } from './pin-question.ts';

/** Where a program without windows asks. */
export interface Terminal {
  /** Path of the device. */
  readonly name: string;
  readonly type: string;
  /** Of what is shown: LC_CTYPE. */
  readonly locale: string;
}

/**
 * Asks by one of GnuPG's pinentry programs: a dialog of the desktop, or one on the terminal.
 * @param terminal undefined: there is none
 */
export function pinentryProgram(program: string, terminal: Terminal | undefined): PinAsker {
  return async (question, signal) => {
    // What was typed before the question is no answer to it.
    if (terminal !== undefined) discardInput(0);
    // It is not to go on asking at the terminal when we are killed.
    const bond = ['--parent', String(process.pid), '--', program];
    const child = spawn(builtLauncher, bond, { stdio: ['pipe', 'pipe', 'inherit'], signal });
    const closed = once(child, 'close').then(
      ([code, by]) => ({ code: code as number | null, by: by as NodeJS.Signals | null }),
      (cause: NodeJS.ErrnoException) => {
        if (signal.aborted) return { code: null, by: null };
        throw cannotRun(program, cause);
      },
    );
    closed.catch(() => undefined);
    child.stdin.on('error', () => undefined);
    try {
      const client = new AssuanClient(child.stdout, child.stdin);
      return await converse(client, question, terminal);
    } catch (error) {
      if (signal.aborted) return undefined;
      child.kill();
      const { code, by } = await closed;
      // Ctrl-C: it may hear of that before we do.
      if (signal.aborted || by === 'SIGINT') return undefined;
      if (code === NOT_EXECUTABLE || code === NOT_FOUND) throw cannotRun(program, 'ENOENT');
      throw error;
    } finally {
      child.stdin.end();
      child.kill();
      await closed.catch(() => undefined);
    }
  };
}

/** Exit codes of the launcher. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

async function converse(
  client: AssuanClient,
  question: PinQuestion,
  terminal: Terminal | undefined,
): Promise<Buffer | undefined> {
  await client.begin();
  if (terminal !== undefined) {
    await client.ask('OPTION', `ttyname=${terminal.name}`);
    await client.ask('OPTION', `ttytype=${terminal.type}`);
    await client.ask('OPTION', `lc-ctype=${terminal.locale}`);
  }
  // Left to itself it gives up after a minute. We end it when nobody waits for an answer any more.
  await client.ask('SETTIMEOUT', '0');
  await client.ask('SETTITLE', 'tlspool');
  await client.ask('SETDESC', explain(question).join('\n'));
  await client.ask('SETPROMPT', `PIN of ${tokenName(question)}:`);
  if (question.attempt > 0) await client.ask('SETERROR', 'The PIN was wrong.');
  const answer = await client.ask('GETPIN');
  // Cancelled, timed out, no terminal: the PIN was not given, whatever the reason.
  if (answer.is === 'error') {
    if (CANCELLED.has(answer.code & 0xffff)) return undefined;
    throw new TlspoolError('no-pin', `the pinentry program cannot ask: ${answer.text}`);
  }
  return answer.data.length === 0 ? undefined : answer.data;
}

/** libgpg-error: GPG_ERR_CANCELED, GPG_ERR_FULLY_CANCELED, GPG_ERR_TIMEOUT, GPG_ERR_NOT_CONFIRMED. */
const CANCELLED: ReadonlySet<number> = new Set([99, 198, 62, 114]);

function cannotRun(program: string, cause: unknown): TlspoolError {
  return new TlspoolError('no-pin', `cannot run ${program}: ${systemReason(cause)}`, {
    cause,
    hint: 'Is it installed, and on the PATH?',
  });
}
