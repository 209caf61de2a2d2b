import type {
  DocumentedArgument,
  DocumentedCommand,
  DocumentedFlag,
  Manifest,
} from './manifest.ts';

/** One command as documents tell of it: the manifest's text with its templates filled in, nothing hidden. */
export interface CommandDocument {
  /** `ca export`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly arguments: readonly DocumentedArgument[];
  readonly flags: readonly FlagDocument[];
  /** The flags that every command has. */
  readonly globalFlags: readonly FlagDocument[];
  readonly examples: readonly { readonly explanation: string; readonly command: string }[];
  /** What stands after `--`, e.g. `CMD [ARGS]...`; undefined if the command runs no program. */
  readonly program: string | undefined;
}

export interface FlagDocument {
  /** `--listen`. */
  readonly long: string;
  /** `-l`. */
  readonly short: string | undefined;
  /** What stands for the value, e.g. `ADDR:PORT`; undefined for a switch. */
  readonly value: string | undefined;
  readonly choices: readonly string[];
  readonly description: string;
  readonly required: boolean;
  readonly repeatable: boolean;
  /** The environment variable behind it. */
  readonly environment: string | undefined;
  readonly default: string | undefined;
}

export function documentCommands(manifest: Manifest): readonly CommandDocument[] {
  return Object.values(manifest.commands)
    .filter((command) => command.hidden !== true)
    .map(documentCommand);
}

function documentCommand(command: DocumentedCommand): CommandDocument {
  const name = command.id.replaceAll(':', ' ');
  const fill = (text: string) =>
    text
      .replaceAll(/<%= *config\.bin *%>/g, 'tlspool')
      .replaceAll(/<%= *command\.id *%>/g, name)
      .trim();
  const [first = '', ...rest] = fill(command.description ?? '').split(/\n\s*\n/);
  const flags = Object.values(command.flags).filter((flag) => flag.hidden !== true);
  const isGlobal = (flag: DocumentedFlag) => flag.helpGroup === 'GLOBAL';
  return {
    name,
    summary: fill(command.summary ?? first.split('\n', 1)[0] ?? '').replace(/\.$/, ''),
    description: [first, ...rest].map(fill).filter((paragraph) => paragraph !== ''),
    arguments: Object.values(command.args),
    flags: flags.filter((flag) => !isGlobal(flag)).map((flag) => documentFlag(flag, fill)),
    globalFlags: [...flags.filter(isGlobal).map((flag) => documentFlag(flag, fill)), help],
    examples: (command.examples ?? []).map((example) => documentExample(example, fill)),
    program: programOf(command, fill),
  };
}

const help: FlagDocument = {
  long: '--help',
  short: '-h',
  value: undefined,
  choices: [],
  description: 'show the help of this command',
  required: false,
  repeatable: false,
  environment: undefined,
  default: undefined,
};

function documentFlag(flag: DocumentedFlag, fill: (text: string) => string): FlagDocument {
  const description = [flag.summary, flag.description].filter((text) => text !== undefined);
  return {
    long: `--${flag.allowNo === true ? '[no-]' : ''}${flag.name}`,
    short: flag.char === undefined ? undefined : `-${flag.char}`,
    value: valueName(flag),
    choices: flag.options ?? [],
    description: fill(description.join('\n')),
    required: flag.required === true,
    repeatable: flag.multiple === true,
    environment: flag.env,
    default: defaultText(flag),
  };
}

function valueName(flag: DocumentedFlag): string | undefined {
  if (flag.type === 'boolean') return undefined;
  if (typeof flag.helpValue === 'string') return flag.helpValue.replace(/^<(.*)>$/, '$1');
  return flag.options?.join('|') ?? flag.name.toUpperCase();
}

function defaultText(flag: DocumentedFlag): string | undefined {
  const { type, default: value } = flag;
  if (type === 'boolean' || value === undefined || value === null || value === '') return undefined;
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function documentExample(
  example: NonNullable<DocumentedCommand['examples']>[number],
  fill: (text: string) => string,
): { explanation: string; command: string } {
  if (typeof example !== 'string') {
    return { explanation: fill(example.description ?? ''), command: fill(example.command) };
  }
  const lines = fill(example).split('\n');
  const commandAt = lines.findIndex((line) => /^\s*(\$ )?tlspool\b/.test(line));
  const explanation = lines.slice(0, Math.max(commandAt, 0)).join(' ').trim();
  const command = lines.slice(Math.max(commandAt, 0)).map((line) => line.replace(/^\s*\$ /, ''));
  return { explanation, command: command.join('\n').trim() };
}

function programOf(command: DocumentedCommand, fill: (text: string) => string): string | undefined {
  const usage = [command.usage ?? []].flat().map(fill);
  return usage.find((line) => line.includes(' -- '))?.replace(/^.*? -- /, '');
}
