import type { CommandDocument, FlagDocument } from './command-document.ts';
import { literalLine, prose, word } from './mdoc.ts';

/** What all pages of one release have in common. */
export interface Edition {
  readonly version: string;
  /** As mdoc writes it: `November 24, 2026`. */
  readonly date: string;
}

/** `tlspool-ca-export`, the name of a command's page. */
export function pageName(command: string): string {
  return ['tlspool', ...command.split(' ')].join('-');
}

/**
 * The page of one command in section 1.
 *
 * @param part sections written by hand (mdoc), put before the examples; an EXIT STATUS among them
 *   replaces the usual one
 */
export function commandPage(command: CommandDocument, edition: Edition, part = ''): string {
  return page([
    heading(pageName(command.name), edition),
    `.Sh NAME\n.Nm ${pageName(command.name)}\n.Nd ${asName(command.summary)}`,
    `.Sh SYNOPSIS\n${[`.Nm tlspool ${command.name}`, ...synopsis(command)].join('\n')}`,
    `.Sh DESCRIPTION\n${description(command)}`,
    argumentList(command),
    flagList('OPTIONS', command.flags),
    flagList('GLOBAL OPTIONS', command.globalFlags),
    part.trim(),
    part.includes('.Sh EXIT STATUS') ? '' : EXIT_STATUS,
    examples(command),
    '.Sh SEE ALSO\n.Xr tlspool 1 ,\n.Xr tlspool.conf 5 ,\n.Xr tlspool 7',
  ]);
}

/** tlspool(1): all commands at a glance. */
export function overviewPage(
  commands: readonly CommandDocument[],
  edition: Edition,
  part: string,
): string {
  const list = commands.map(
    ({ name, summary }) => `.It Xr ${pageName(name)} 1\n${prose(`${capitalised(summary)}.`)}`,
  );
  return page([
    heading('tlspool', edition),
    '.Sh NAME\n.Nm tlspool\n.Nd TLS as a service of the machine',
    '.Sh SYNOPSIS\n.Nm tlspool\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Nm tlspool\n.Fl -version | -help',
    `.Sh DESCRIPTION\n${descriptionIn(part)}`,
    `.Sh COMMANDS\n.Bl -tag -width Ds\n${list.join('\n')}\n.El`,
    flagList('GLOBAL OPTIONS', commands[0]?.globalFlags ?? []),
    sectionsIn(part),
    EXIT_STATUS,
    '.Sh SEE ALSO\n.Xr tlspool.conf 5 ,\n.Xr tlspool 7',
  ]);
}

const EXIT_STATUS = `.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Yes, or done.
.It 1
No, or failed.
.It 2
The command was used wrongly, or the question cannot be decided.
.It 3
No pool answers at the socket.
.El`;

function page(sections: readonly string[]): string {
  return `${sections.filter((section) => section !== '').join('\n')}\n`;
}

function heading(name: string, { version, date }: Edition): string {
  return [
    '.\\" Made by `npm run build` from the command and from man/parts: do not edit.',
    `.Dd ${date}`,
    `.Dt ${name.toUpperCase()} 1`,
    `.Os tlspool ${version}`,
  ].join('\n');
}

/** In NAME, what follows the dash starts small, unless it is a name. */
function asName(summary: string): string {
  const small = /^[A-Z][a-z]/.test(summary)
    ? summary[0]?.toLowerCase() + summary.slice(1)
    : summary;
  return small.replaceAll('`', '');
}

/** Only a plain word begins with a capital: not `example.com`, not `pkcs11:`. */
function capitalised(text: string): string {
  return /^[a-z]+(?=[ ,;]|$)/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text;
}

function synopsis(command: CommandDocument): string[] {
  const flags = command.flags.map(flagSynopsis);
  const args = command.arguments.map(({ name, required, multiple }) => {
    const shown = `Ar ${word(name.toUpperCase())}${multiple === true ? ' ...' : ''}`;
    return required === true ? `.${shown}` : `.Op ${shown}`;
  });
  const program = command.program === undefined ? [] : [`.Fl -\n.Ar ${command.program}`];
  return [...flags, ...args, ...program];
}

function flagSynopsis(flag: FlagDocument): string {
  const core = `Fl ${flagName(flag)}${flag.value === undefined ? '' : ` Ar ${word(flag.value)}`}`;
  if (flag.required) return flag.repeatable ? `.${core} ...` : `.${core}`;
  return flag.repeatable ? `.Op ${core} ...` : `.Op ${core}`;
}

function flagName({ long }: FlagDocument): string {
  return long.slice(1).replaceAll('-', '\\-').replace(/^\\-/, '-');
}

function description(command: CommandDocument): string {
  const paragraphs =
    command.description.length > 0 ? command.description : [`${capitalised(command.summary)}.`];
  return paragraphs.map(paragraphOrBlock).join('\n.Pp\n');
}

/** Indented lines of a description are shown as they are. */
function paragraphOrBlock(text: string): string {
  const lines = text.split('\n');
  if (!lines.every((line) => /^\s{2,}/.test(line))) return prose(text);
  return block(lines.map((line) => line.trim()));
}

function block(lines: readonly string[]): string {
  return `.Bd -literal -offset indent\n${lines.map(literalLine).join('\n')}\n.Ed`;
}

function argumentList({ arguments: list }: CommandDocument): string {
  if (list.length === 0) return '';
  const items = list.map(
    ({ name, description: text, options }) =>
      `.It Ar ${word(name.toUpperCase())}\n${prose(`${ended(capitalised(text ?? ''))} ${oneOf(options ?? [])}`)}`,
  );
  return `.Sh ARGUMENTS\n.Bl -tag -width Ds\n${items.join('\n')}\n.El`;
}

function flagList(title: string, flags: readonly FlagDocument[]): string {
  if (flags.length === 0) return '';
  return `.Sh ${title}\n.Bl -tag -width Ds\n${flags.map(flagItem).join('\n')}\n.El`;
}

function flagItem(flag: FlagDocument): string {
  const short = flag.short === undefined ? '' : `Fl ${flag.short.slice(1)} , `;
  const value = flag.value === undefined ? '' : ` Ar ${word(flag.value)}`;
  const remarks = [
    ended(capitalised(flag.description)),
    flag.value?.includes('|') === true ? '' : oneOf(flag.choices),
    flag.required ? 'Required.' : '',
    flag.repeatable && !flag.description.includes('repeated') ? 'May be repeated.' : '',
    flag.default === undefined ? '' : `The default is \`${flag.default}\`.`,
    flag.environment === undefined
      ? ''
      : `Overrides the environment variable \`${flag.environment}\`.`,
  ];
  return `.It ${short}Fl ${flagName(flag)}${value}\n${prose(remarks.filter((text) => text !== '').join(' '))}`;
}

function oneOf(options: readonly string[]): string {
  return options.length === 0
    ? ''
    : `One of ${options.map((option) => `\`${option}\``).join(', ')}.`;
}

function ended(text: string): string {
  return /[.!?]$/.test(text) || text === '' ? text : `${text}.`;
}

function examples(command: CommandDocument): string {
  if (command.examples.length === 0) return '';
  const shown = command.examples.map(({ explanation, command: line }) => {
    const text =
      explanation === ''
        ? ''
        : `.Pp\n${prose(capitalised(ended(explanation).replace(/\.$/, ':')))}\n`;
    return `${text}${block(line.split('\n').map((part) => part.trimEnd()))}`;
  });
  return `.Sh EXAMPLES\n${shown.join('\n').replace(/^\.Pp\n/, '')}`;
}

/** A part may begin with text for DESCRIPTION, before its first section. */
function descriptionIn(part: string): string {
  return part.split(/^\.Sh /m, 1)[0]?.trim() ?? '';
}

function sectionsIn(part: string): string {
  return part.slice(descriptionIn(part).length).trim();
}
