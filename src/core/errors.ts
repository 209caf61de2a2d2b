import { getSystemErrorMap } from 'node:util';

/**
 * Every failure that a user or a program can meet. `message` says what happened, `hint` what to do;
 * neither ever holds a secret.
 */
export interface ErrorDetails {
  /** What the user can do about it: a sentence, or a command to run. */
  readonly hint?: string | undefined;
  /** Socket protocol: POSIX errno or a number of the com_err table "tlsP" (spec/socket-protocol.md). */
  readonly wire?: number | undefined;
  /** Of the command: 1 no or failed, 2 usage or undecidable, 3 no daemon, 125–127 wrap's own. */
  readonly exit?: number | undefined;
  readonly cause?: unknown;
}

export class TlspoolError extends Error {
  /** Stable and greppable, in kebab-case: `no-daemon`, `wrong-pin`. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly wire: number | undefined;
  readonly exit: number;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
    this.wire = details.wire;
    this.exit = details.exit ?? 1;
  }
}

/** Any other failure is a fault of ours, and becomes its cause. */
export function asTlspoolError(error: unknown): TlspoolError {
  if (error instanceof TlspoolError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TlspoolError('internal', message, { cause: error });
}

/** Why a call of the system failed, in its words, for the end of a sentence: `no such file or directory`. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const number = error instanceof TlspoolError ? error.wire : undefined;
  for (const [negative, [name, words]] of getSystemErrorMap())
    if (name === code || negative === -(number ?? 0)) return words;
  return ofNames[code] ?? error.message;
}

/** Of names of hosts that are looked up. */
const ofNames: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'no name server answers',
};

/** The user asked for something that cannot be meant: exit code 2. */
export class UsageError extends TlspoolError {
  constructor(message: string, hint?: string) {
    super('usage', message, { hint, exit: 2 });
  }
}
