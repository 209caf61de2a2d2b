import { type Command, CommandHelp, Help } from './oclif.ts';

/** The first steps, in the order of a new user, and where to read on. */
const EXAMPLES = [
  ['tlspool init', 'a token for keys, and a local CA'],
  ['tlspool identities create www.example.com', 'a key in the token, and a certificate for it'],
  ['tlspool serve', 'the pool'],
  ['tlspool wrap -- legacy-httpd', 'an unmodified program behind TLS'],
  ['tlspool trust check www.example.com:443', 'would it be believed, and why not?'],
] as const;
const READING_ON =
  'tlspool COMMAND --help, man tlspool (commands), man 7 tlspool (ideas and words), man tlspool.conf';

/** oclif's help of one command, with a line of usage that can be read at a glance, and nothing said twice. */
class TlspoolCommandHelp extends CommandHelp {
  protected override defaultUsage(): string {
    const { id, args, flags } = this.command;
    const own = Object.values(flags).filter(({ hidden, helpGroup }) => !hidden && !helpGroup);
    const required = own.filter((flag) => flag.required === true);
    return [
      id,
      ...Object.values(args).map((arg) => this.arg(arg)),
      ...required.map((flag) => `--${flag.name} ${valueNameOf(flag)}`),
      ...(own.length > required.length ? ['[FLAGS]'] : []),
    ].join(' ');
  }

  protected override args(args: Command.Arg.Any[]): [string, string | undefined][] | undefined {
    if (args.every(({ description }) => description === undefined)) return undefined;
    return args.map((arg) => [this.arg(arg), arg.description]);
  }

  protected override arg(arg: Command.Arg.Any): string {
    const name = arg.name.toUpperCase();
    const shown = arg.required === true ? name : `[${name}]`;
    return arg.multiple === true ? `${shown}...` : shown;
  }

  protected override description(): string | undefined {
    const { description } = this.command;
    return description === undefined ? undefined : this.wrap(description);
  }

  /** oclif forgets that texts below their flags are indented, too: what gets too wide by that is broken earlier. */
  override renderList(
    ...[input, options]: Parameters<CommandHelp['renderList']>
  ): ReturnType<CommandHelp['renderList']> {
    const list = super.renderList(input, options);
    const widest = Math.max(...list.split('\n').map((line) => line.length));
    if (widest <= this.opts.maxWidth - MARGIN) return list;
    return super.renderList(input, { ...options, indentation: options.indentation + MARGIN });
  }

  /** Commands can be pasted into a shell as they stand: they are not broken within a word, nor within quotes. A flag keeps its value. */
  protected override examples(examples: Command.Example[] | string | undefined): string {
    return [examples ?? []]
      .flat()
      .map((example) => {
        const { description, command } =
          typeof example === 'string' ? { description: '', command: example } : example;
        const shown = broken(`$ ${this.render(command)}`, this.opts.maxWidth - 3 * MARGIN);
        if (description === '') return shown;
        return `${this.wrap(description, 2 * MARGIN)}\n\n${this.indent(shown)}`;
      })
      .join('\n\n');
  }
}

/** Blanks by which sections are indented. */
const MARGIN = 2;

/** A shell's command in lines of up to `width` characters, where it can be broken. */
function broken(command: string, width: number): string {
  const words = command.match(/(?:--?[\w-]+ (?![-|<>&]))?(?:'[^']*'|"[^"]*"|[^ '"])+/g) ?? [];
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (last.length + word.length + ' \\'.length < width) lines.push(`${lines.pop()} ${word}`);
    else lines.push(`  ${word}`);
  }
  return lines.join(' \\\n');
}

function valueNameOf(flag: Command.Flag.Any): string {
  const { helpValue } = flag as { helpValue?: string };
  return helpValue ?? flag.name.toUpperCase();
}

/** oclif's help, whose first page shows how to begin. */
export class TlspoolHelp extends Help {
  protected override CommandHelpClass = TlspoolCommandHelp;

  protected override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    const width = Math.max(...EXAMPLES.map(([line]) => line.length));
    const lines = EXAMPLES.map(([line, meaning]) => `$ ${line.padEnd(width)}  # ${meaning}`);
    this.log(this.section('EXAMPLES', lines.join('\n')));
    this.log('');
    this.log(this.section('READING ON', READING_ON));
    this.log('');
  }
}
