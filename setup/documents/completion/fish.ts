import type { CommandDocument, FlagDocument } from '../command-document.ts';
import { allFlags, offerFor, spellings, wordTree } from './words.ts';

export function fishCompletion(commands: readonly CommandDocument[]): string {
  const tree = wordTree(commands);
  const topics = [...tree.keys()].filter((after) => after !== '');
  const known = [...topics, ...commands.map(({ name }) => name)];
  const words = [...tree].flatMap(([after, below]) =>
    below.map(({ word, description }) =>
      line(`__tlspool_at ${quoted(after)}`, [`-f -a ${quoted(word)}`, `-d ${quoted(description)}`]),
    ),
  );
  const flags = commands.flatMap((command) =>
    allFlags(command).map((flag) =>
      line(`__tlspool_at ${quoted(command.name)}`, flagOptions(flag)),
    ),
  );
  const args = commands.flatMap((command) =>
    command.arguments.flatMap(({ options }) =>
      options === undefined
        ? []
        : [line(`__tlspool_at ${quoted(command.name)}`, [`-f -a ${quoted(options.join(' '))}`])],
    ),
  );
  return `# fish completion for tlspool. Made by \`npm run build\` from the commands: do not edit.

# Whether the words typed so far are exactly this command or topic, with nothing run behind \`--\` yet.
function __tlspool_at
    set -l typed (commandline -opc)[2..]
    contains -- -- $typed; and return 1
    set -l found
    for word in $typed
        string match -q -- '-*' $word; and break
        set -l longer (string join ' ' $found $word)
        contains -- "$longer" ${known.map(quoted).join(' ')}; or break
        set -a found $word
    end
    test "$argv[1]" = "$found"
end

# Whether a program is being typed, behind \`--\`.
function __tlspool_program
    contains -- -- (commandline -opc)
end

complete -c tlspool -f
${line("__tlspool_at ''", ['-l version -s V', "-d 'show the version'"])}
${line("__tlspool_at ''", ['-l help -s h', "-d 'show the commands'"])}
${line('__tlspool_program', ["-a '(__fish_complete_subcommand --fcs-skip=(math (contains -i -- -- (commandline -opc)) + 0))'"])}

${words.join('\n')}

${[...flags, ...args].join('\n')}
`;
}

function line(condition: string, options: readonly string[]): string {
  return ['complete -c tlspool', `-n ${quoted(condition)}`, ...options].join(' ');
}

function flagOptions(flag: FlagDocument): string[] {
  const names = spellings(flag).map((spelling) =>
    spelling.startsWith('--') ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`,
  );
  const text = flag.description.replaceAll(/\s+/g, ' ');
  return [...names, ...valueOptions(flag), `-d ${quoted(text)}`];
}

function valueOptions(flag: FlagDocument): string[] {
  if (flag.value === undefined) return [];
  const offer = offerFor(flag);
  switch (offer.kind) {
    case 'choices':
      return [`-x -a ${quoted(offer.choices.join(' '))}`];
    case 'files':
      return ['-r -F'];
    case 'directories':
      return ["-x -a '(__fish_complete_directories)'"];
    case 'nothing':
      return ['-x'];
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
