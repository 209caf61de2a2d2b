import { RuleError } from './rule-error.ts';

/** Words of a line as a shell would read it: blanks part them, quotes hold them together, # starts a comment. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:(#.*)|((?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+))/gy;
  let end = 0;
  for (const match of line.matchAll(pattern)) {
    end = match.index + match[0].length;
    if (match[1] !== undefined) return words;
    words.push(unquoted(match[2] ?? ''));
  }
  if (line.slice(end).trim() !== '') throw new RuleError('a quote is not closed');
  return words;
}

function unquoted(word: string): string {
  return word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_all, single, double, escaped) => {
    return single ?? double ?? escaped;
  });
}
