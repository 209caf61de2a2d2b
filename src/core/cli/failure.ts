import { constants } from 'node:os';
import { styleText } from 'node:util';
import { systemReason, TlspoolError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** Any failure of a command, in the one shape that people and programs are told. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** 1 no or failed, 2 usage or undecidable, 3 no daemon, 125–127 wrap's own, 130 Ctrl-C at a question. */
  readonly exit: number;
  /** Of a fault of tlspool itself, for whoever has to find it. */
  readonly stack: string | undefined;
}

/** What the failed command would have understood, for suggestions. */
export interface CommandContext {
  /** As typed, e.g. `ca export`; '' if none was found. */
  readonly name: string;
  readonly flags: readonly string[];
  /** How it is written, where that is more than flags and arguments: `wrap [FLAGS] -- CMD [ARGS]`. */
  readonly usage?: string | undefined;
  /** See PoolCommand.failureExit. */
  readonly failureExit: number | undefined;
}

/** The exit code that a command asked for by `this.exit()`: an end, but no failure to tell of. */
export function quietExit(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIT') return undefined;
  return parserExit(error) ?? 1;
}

export function shapeFailure(
  error: unknown,
  context: Omit<CommandContext, 'failureExit'>,
): Failure {
  if (error instanceof TlspoolError) return ofOurs(error);
  if (!(error instanceof Error)) return ofFault(new Error(String(error)));
  if (error.name === 'ExitPromptError') return interrupted();
  if (parserExit(error) !== undefined) return ofParser(error, context);
  if (isOfSystem(error)) return ofSystem(error);
  return ofFault(error);
}

/** As printed under `--json`, on stdout. */
export function failureJson({ code, message, hint }: Failure): string {
  return JSON.stringify({ error: { code, message, hint: hint ?? null } }, undefined, 2);
}

/** As printed for people, on stderr. */
export function failureText({ message, hint, stack }: Failure): string {
  const lines = [`${styleText('red', 'Error:', { stream: process.stderr })} ${message}`];
  if (hint !== undefined) lines.push(hint);
  if (stack !== undefined) lines.push(stack);
  return lines.join('\n');
}

function ofOurs({ code, message, hint, exit }: TlspoolError): Failure {
  return { code, message, hint, exit, stack: undefined };
}

function interrupted(): Failure {
  return {
    code: 'interrupted',
    message: 'interrupted',
    hint: undefined,
    exit: 128 + constants.signals.SIGINT,
    stack: undefined,
  };
}

function isOfSystem(error: Error): error is NodeJS.ErrnoException {
  return 'syscall' in error && 'code' in error;
}

function ofSystem(error: NodeJS.ErrnoException): Failure {
  const { code = 'system', syscall, path } = error;
  const message = `${path ?? syscall}: ${systemReason(error)}`;
  return { code, message, hint: undefined, exit: 1, stack: undefined };
}

function ofFault(error: Error): Failure {
  return {
    code: 'internal',
    message: error.message || error.name,
    hint: 'This is a fault of tlspool itself; please report it with what follows.',
    exit: 1,
    stack: error.stack,
  };
}

/** oclif marks its errors with the exit code that it would use. */
function parserExit(error: Error): number | undefined {
  if (!('oclif' in error) || typeof error.oclif !== 'object' || error.oclif === null)
    return undefined;
  const { exit } = error.oclif as { exit?: unknown };
  return typeof exit === 'number' ? exit : undefined;
}

/** oclif's parser: its sentences made ours, always exit 2. */
function ofParser(error: Error, context: Omit<CommandContext, 'failureExit'>): Failure {
  const [message, hint] = parserSentence(error, context);
  return { code: 'usage', message, hint, exit: 2, stack: undefined };
}

function parserSentence(
  error: Error,
  { name, flags, usage }: Omit<CommandContext, 'failureExit'>,
): [message: string, hint: string] {
  const help = `See \`tlspool ${name === '' ? '' : `${name} `}--help\`.`;
  const unknown = 'flags' in error && Array.isArray(error.flags) ? error.flags.map(String) : [];
  if (unknown.length > 0) {
    const meant = nearest(unknown[0] ?? '', flags);
    return [
      `unknown flag${unknown.length > 1 ? 's' : ''} ${unknown.join(', ')}`,
      meant === undefined ? help : `Did you mean ${meant}? ${help}`,
    ];
  }
  const missing =
    error.constructor.name === 'RequiredArgsError' && 'args' in error
      ? argumentNames(error.args)
      : '';
  if (missing !== '') return [`missing ${missing}`, help];
  const written = usage === undefined ? '' : `It is written \`tlspool ${usage}\`. `;
  return [tidy(error.message), `${written}${help}`];
}

function argumentNames(args: unknown): string {
  if (!Array.isArray(args)) return '';
  return args.map(({ name }: { name: string }) => name.toUpperCase()).join(' and ');
}

/** One small-lettered line, without oclif's own pointer to the help and its frame around a flag's own complaint. */
function tidy(message: string): string {
  return message
    .replace(/\n+See more help with --help/g, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^Missing required flag (?=\w)/, 'missing required flag --')
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
