import type { CommandDocument, FlagDocument } from '../command-document.ts';
import { allFlags, offerFor, spellings, wordTree } from './words.ts';

export function zshCompletion(commands: readonly CommandDocument[]): string {
  const tree = wordTree(commands);
  const topics = [...tree].map(([after, below]) => topicFunction(after, below));
  return `#compdef tlspool
# zsh completion for tlspool. Made by \`npm run build\` from the commands: do not edit.

${[...topics, ...commands.map(commandFunction)].join('\n')}
_tlspool "$@"
`;
}

/** Completes the next word, or goes on with the function of the word that is there. */
function topicFunction(
  after: string,
  below: readonly { readonly word: string; readonly description: string }[],
): string {
  const described = below.map(({ word, description }) => `    ${quoted(`${word}:${description}`)}`);
  const cases = below.map(
    ({ word }) => `    ${word}) ${functionName(`${after} ${word}`.trim())} ;;`,
  );
  const global = after === '' ? `'(- *)'{-V,--version}'[show the version]' ` : '';
  return `${functionName(after)}() {
  local context state state_descr line curcontext="$curcontext"
  typeset -A opt_args
  local -a words_here=(
${described.join('\n')}
  )
  _arguments -C ${global}'(- *)'{-h,--help}'[show help]' '1: :->word' '*:: :->rest' && return 0
  case $state in
    word) _describe -t commands 'tlspool command' words_here ;;
    rest)
      case $line[1] in
${cases.map((entry) => `    ${entry}`).join('\n')}
      esac
      ;;
  esac
}
`;
}

function commandFunction(command: CommandDocument): string {
  const specs = [
    ...allFlags(command).map(flagSpec),
    ...command.arguments.map(({ name, options, required, multiple }) => {
      const optional = required === true ? ':' : '::';
      const values = options === undefined ? ' ' : `(${options.join(' ')})`;
      return quoted(
        `${multiple === true ? '*' : ''}${multiple === true ? ':' : optional}${name}:${values}`,
      );
    }),
    ...(command.program === undefined
      ? []
      : ["'(-)1:program:_command_names -e'", "'*::arguments:_normal'"]),
  ];
  return `${functionName(command.name)}() {
  _arguments -S \\
${specs.map((spec) => `    ${spec}`).join(' \\\n')}
}
`;
}

function flagSpec(flag: FlagDocument): string {
  const repeat = flag.repeatable ? '*' : '';
  const text = flag.description.replaceAll(/\s+/g, ' ').replaceAll(/[[\]:\\]/g, '\\$&');
  const value =
    flag.value === undefined
      ? ''
      : `:${flag.value.replaceAll(/[[\]:\\]/g, '\\$&')}:${action(flag)}`;
  const names = spellings(flag).map((name) =>
    flag.value === undefined || !name.startsWith('--') ? name : `${name}=`,
  );
  return names.map((name) => quoted(`${repeat}${name}[${text}]${value}`)).join(' ');
}

function action(flag: FlagDocument): string {
  const offer = offerFor(flag);
  switch (offer.kind) {
    case 'choices':
      return `(${offer.choices.join(' ')})`;
    case 'files':
      return '_files';
    case 'directories':
      return '_files -/';
    case 'nothing':
      return ' ';
  }
}

function functionName(words: string): string {
  return `_${['tlspool', ...words.split(' ')].filter((part) => part !== '').join('_')}`.replaceAll(
    '-',
    '_',
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
