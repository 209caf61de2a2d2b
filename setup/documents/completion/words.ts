import type { CommandDocument, FlagDocument } from '../command-document.ts';

/** What a shell can offer where a value is expected. */
export type Offer =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'directories' }
  /** Something that only the user knows. */
  | { readonly kind: 'nothing' };

/** A word that can stand after others: a command, or the topic of several. */
export interface Word {
  /** The words before it: '' or `ca`. */
  readonly after: string;
  readonly word: string;
  readonly description: string;
}

export function offerFor(flag: FlagDocument): Offer {
  if (flag.choices.length > 0) return { kind: 'choices', choices: flag.choices };
  const value = flag.value?.toUpperCase() ?? '';
  if (/\b(FILE|PATH|SOCKET)$/.test(value)) return { kind: 'files' };
  if (/\bDIR$/.test(value)) return { kind: 'directories' };
  return { kind: 'nothing' };
}

/** Own flags first, then those that every command has. */
export function allFlags(command: CommandDocument): readonly FlagDocument[] {
  return [...command.flags, ...command.globalFlags];
}

/** What can be typed for a flag: a switch that can be negated is two. */
export function spellings({ long, short }: FlagDocument): readonly string[] {
  const both = long.startsWith('--[no-]')
    ? [long.replace('[no-]', ''), long.replace('[no-]', 'no-')]
    : [long];
  return short === undefined ? both : [...both, short];
}

/** All commands and topics, by the words before them, each once. */
export function wordTree(
  commands: readonly CommandDocument[],
): ReadonlyMap<string, readonly Word[]> {
  const tree = new Map<string, Word[]>([['', []]]);
  for (const { name, summary } of commands) {
    const words = name.split(' ');
    for (const [depth, word] of words.entries()) {
      const after = words.slice(0, depth).join(' ');
      const siblings = tree.get(after) ?? [];
      tree.set(after, siblings);
      const isCommand = depth === words.length - 1;
      if (siblings.some((sibling) => sibling.word === word)) continue;
      siblings.push({
        after,
        word,
        description: isCommand ? summary : topicSummary([...words.slice(0, depth), word], commands),
      });
    }
  }
  return tree;
}

/** `export, list, remove`. */
function topicSummary(words: readonly string[], commands: readonly CommandDocument[]): string {
  const prefix = `${words.join(' ')} `;
  const below = commands.filter(({ name }) => name.startsWith(prefix));
  return below.map(({ name }) => name.slice(prefix.length)).join(', ');
}
