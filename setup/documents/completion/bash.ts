import type { CommandDocument, FlagDocument } from '../command-document.ts';
import { type Offer, offerFor, spellings, wordTree } from './words.ts';

/** A completion for bash 4 and newer that needs no other package. */
export function bashCompletion(commands: readonly CommandDocument[]): string {
  const words = [...wordTree(commands)].map(
    ([after, below]) => `    '${after}') words='${below.map(({ word }) => word).join(' ')}' ;;`,
  );
  const flags = commands.map(
    ({ name, flags: own }) => `    '${name}') flags='${own.flatMap(spellings).join(' ')}' ;;`,
  );
  const globalFlags = commands[0]?.globalFlags ?? [];
  const values = [
    ...commands.flatMap(({ name, flags: own }) =>
      own.flatMap((flag) => valueCase(`'${name} '`, flag)),
    ),
    ...globalFlags.flatMap((flag) => valueCase("*' '", flag)),
  ];
  const args = commands
    .filter((command) => command.arguments.some(({ options }) => options !== undefined))
    .map((command) => {
      const options = command.arguments.flatMap((argument) => argument.options ?? []);
      return `    '${command.name}') words='${options.join(' ')}' ;;`;
    });
  return `# bash completion for tlspool. Made by \`npm run build\` from the commands: do not edit.

_tlspool_words() {
  local words=''
  case "$1" in
${words.join('\n')}
  esac
  printf '%s' "$words"
}

_tlspool_flags() {
  local flags=''
  case "$1" in
    '') flags='--version -V' ;;
${flags.join('\n')}
  esac
  printf '%s' "$flags ${globalFlags.flatMap(spellings).join(' ')}"
}

_tlspool_arguments() {
  local words=''
  case "$1" in
${args.length > 0 ? args.join('\n') : "    '') ;;"}
  esac
  printf '%s' "$words"
}

# Completes the value of a flag; fails if the flag takes none.
_tlspool_value() {
  case "$1 $2" in
${values.join('\n')}
    *) return 1 ;;
  esac
}

_tlspool() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command='' word flag='' index
  COMPREPLY=()

  for ((index = 1; index < COMP_CWORD; index++)); do
    if [[ \${COMP_WORDS[index]} == -- ]]; then
      # What follows is a program and its arguments.
      if declare -F _command_offset > /dev/null; then
        _command_offset $((index + 1))
      elif ((index + 1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      fi
      return
    fi
  done

  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    [[ " $(_tlspool_words "$command") " == *" $word "* ]] || break
    command="\${command:+$command }$word"
  done

  # --flag VALUE and --flag=VALUE (bash makes the = a word of its own)
  if [[ $current == '=' ]]; then
    flag="\${COMP_WORDS[COMP_CWORD - 1]}"
    current=''
  elif [[ \${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
    flag="\${COMP_WORDS[COMP_CWORD - 2]}"
  else
    flag="\${COMP_WORDS[COMP_CWORD - 1]}"
  fi
  if [[ $flag == -* ]] && _tlspool_value "$command" "$flag"; then
    return
  fi

  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_tlspool_flags "$command")" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_tlspool_words "$command") $(_tlspool_arguments "$command")" -- "$current")
  fi
}

complete -F _tlspool tlspool
`;
}

/** A line of a case over "command flag". */
function valueCase(before: string, flag: FlagDocument): string[] {
  if (flag.value === undefined) return [];
  const patterns = spellings(flag).map((spelling) => `${before}'${spelling}'`.replace("''", ''));
  return [`    ${patterns.join('|')}) ${action(offerFor(flag))} ;;`];
}

/** Runs inside _tlspool, whose \`current\` it sees. */
function action(offer: Offer): string {
  switch (offer.kind) {
    case 'choices':
      return reply(`-W '${offer.choices.join(' ')}'`);
    case 'files':
      return `compopt -o filenames 2> /dev/null; ${reply('-f')}`;
    case 'directories':
      return `compopt -o filenames 2> /dev/null; ${reply('-d')}`;
    case 'nothing':
      return 'COMPREPLY=()';
  }
}

function reply(how: string): string {
  return `mapfile -t COMPREPLY < <(compgen ${how} -- "$current")`;
}
