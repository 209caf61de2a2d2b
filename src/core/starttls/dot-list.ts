import { DialogEnd, type Talking } from './dialog.ts';
import type { Party } from './party.ts';

/** Lines up to the one that is a dot, which is left out (RFC 1939 section 3, RFC 3977 section 3.1.1). */
export function* dotList(party: Party): Talking<readonly string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = yield* party.line();
    if (line === '.') return lines;
    if (lines.length === mostLines) {
      throw new DialogEnd('starttls-too-long', `the ${party.side} sent a list without end`);
    }
    lines.push(line);
  }
}

/** Such a list of capabilities, of which `hidden` are left out and `added` are put in. */
export function editList(
  lines: readonly string[],
  hidden: readonly string[],
  added: readonly string[] = [],
): string {
  const shown = lines.filter((line) => !hidden.includes(labelOf(line)));
  return [...shown, ...added, '.'].map((line) => `${line}\r\n`).join('');
}

export function lists(lines: readonly string[], label: string): boolean {
  return lines.some((line) => labelOf(line) === label);
}

const mostLines = 256;

function labelOf(line: string): string {
  return line.split(' ', 1)[0]?.toUpperCase() ?? '';
}
