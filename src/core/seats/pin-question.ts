import type { PinState } from '../token/pin-state.ts';
import { harmless } from './harmless.ts';
import type { WaitingSession } from './waiting-session.ts';

/** A PIN that is wanted of a person, with all that the person must know to give it. */
export interface PinQuestion {
  /** One line, shortened. */
  readonly prompt: string;
  /** Wrong PINs before. */
  readonly attempt: number;
  readonly token: {
    readonly uri: string;
    readonly label: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly serial: string;
  };
  readonly pinState: PinState | undefined;
  readonly waiting: readonly WaitingSession[];
}

/** Asks a person, or whatever stands for one. The caller wipes the PIN; undefined: it is not given. */
export type PinAsker = (question: PinQuestion, signal: AbortSignal) => Promise<Buffer | undefined>;

/** Label of the token, as it may be shown. */
export function tokenName({ token }: Pick<PinQuestion, 'token'>): string {
  return harmless(token.label) || harmless(token.serial) || 'a token';
}

/** Who wants to use the key as whom with whom, and how many tries are left: lines of `what: value`. */
export function explain(question: PinQuestion): string[] {
  const { token, waiting, attempt, pinState } = question;
  const maker = [token.manufacturer, token.model, token.serial].filter((part) => part !== '');
  const lines = [`Token:    ${[tokenName(question), ...maker].map(harmless).join(', ')}`];
  const [first, ...others] = waiting;
  if (first === undefined) lines.push('For:      whoever uses its keys; nothing waits for it now');
  else lines.push(...explainSession(first));
  if (others.length > 0) lines.push(`Waiting:  ${others.length} more`);
  const tries = triesLeft(attempt, pinState);
  if (tries !== undefined) lines.push(`Tries:    ${tries}`);
  return lines;
}

function explainSession({ program, localId, service, remoteId, peer }: WaitingSession): string[] {
  const executable = harmless(program.executable) || 'unknown';
  const lines = [
    `Program:  ${executable} (process ${program.pid}) of user ${harmless(program.user)}`,
  ];
  const forService = service === '' ? '' : `, service ${harmless(service)}`;
  lines.push(`Identity: ${harmless(localId) || 'not said'}${forService}`);
  const other = [remoteId, peer].filter((part) => part !== '').map(harmless);
  lines.push(`Peer:     ${other.join(', ') || 'unknown'}`);
  return lines;
}

/** undefined: there is nothing to worry about. */
function triesLeft(attempt: number, pinState: PinState | undefined): string | undefined {
  if (pinState === 'final-try') return 'this is the last one before the token locks';
  const wrong =
    attempt === 0 ? undefined : `${attempt} wrong PIN${attempt === 1 ? '' : 's'} so far`;
  if (pinState !== 'count-low') return wrong;
  if (wrong === undefined) return 'the token counts wrong PINs, and locks after a few';
  return `${wrong}; the token counts them, and locks after a few`;
}
