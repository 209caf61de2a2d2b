import { UsageError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** What the words before the first flag ask for. */
export type Subject =
  | { readonly kind: 'root' }
  | { readonly kind: 'topic'; readonly id: string }
  | { readonly kind: 'command'; readonly id: string; readonly argv: readonly string[] };

/** What the command line as a whole asks for. */
export type Request =
  | { readonly kind: 'version' }
  | { readonly kind: 'help' | 'run'; readonly subject: Subject };

/**
 * Reads the command line up to the command's own arguments, which stay as they were given. Everything from
 * the first `--` on belongs to a program that is to be run and is never looked at.
 *
 * @param commands ids as oclif writes them: `ca:export`
 * @throws UsageError for an unknown command, with the nearest one
 */
export function readCommandLine(argv: readonly string[], commands: readonly string[]): Request {
  const own = beforeDashes(argv);
  if (own[0] === '--version' || own[0] === '-V') return { kind: 'version' };
  if (own[0] === 'help') return { kind: 'help', subject: findSubject(own.slice(1), commands) };

  const subject = findSubject(argv, commands);
  const help = subject.kind !== 'command' || own.includes('--help') || own.includes('-h');
  return { kind: help ? 'help' : 'run', subject };
}

/** The arguments that are ours: those before the first `--`. */
export function beforeDashes(argv: readonly string[]): readonly string[] {
  const dashes = argv.indexOf('--');
  return dashes === -1 ? argv : argv.slice(0, dashes);
}

/** The arguments of the program to run, exactly as given: those after the first `--`; undefined without one. */
export function afterDashes(argv: readonly string[]): readonly string[] | undefined {
  const dashes = argv.indexOf('--');
  return dashes === -1 ? undefined : argv.slice(dashes + 1);
}

export function wantsJson(argv: readonly string[]): boolean {
  return beforeDashes(argv).includes('--json');
}

function findSubject(argv: readonly string[], commands: readonly string[]): Subject {
  const topics = topicsOf(commands);
  let id = '';
  for (const [index, word] of argv.entries()) {
    if (word === '--help' || word === '-h') continue;
    if (word.startsWith('-')) throw flagBeforeCommand(word, id);
    const longer = id === '' ? word : `${id}:${word}`;
    const rest = argv.slice(index + 1);
    // A command that is a topic, too, has no arguments: what follows is one of its commands, if it is a word.
    const goesOn = topics.includes(longer) && rest[0] !== undefined && !rest[0].startsWith('-');
    if (commands.includes(longer) && !goesOn) return { kind: 'command', id: longer, argv: rest };
    if (!topics.includes(longer)) throw unknownCommand(longer, [...commands, ...topics]);
    id = longer;
  }
  return id === '' ? { kind: 'root' } : { kind: 'topic', id };
}

function topicsOf(commands: readonly string[]): readonly string[] {
  return commands.filter((id) => id.includes(':')).map((id) => id.slice(0, id.lastIndexOf(':')));
}

function unknownCommand(id: string, known: readonly string[]): UsageError {
  const meant = nearest(id, known);
  const hint =
    meant === undefined
      ? 'See `tlspool --help` for the commands.'
      : `Did you mean \`tlspool ${spaced(meant)}\`? See \`tlspool --help\`.`;
  return new UsageError(`there is no command \`tlspool ${spaced(id)}\``, hint);
}

function flagBeforeCommand(flag: string, id: string): UsageError {
  return new UsageError(
    `${flag} stands where a command is expected`,
    `Write the command first: \`tlspool ${id === '' ? '' : `${spaced(id)} `}COMMAND ${flag}\`.`,
  );
}

function spaced(id: string): string {
  return id.replaceAll(':', ' ');
}
