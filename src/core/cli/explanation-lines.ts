import { styleText } from 'node:util';
import type { Explanation } from '../authz/explanation.ts';

/** Rules that are shown one by one; the rest is counted. */
const MOST_RULES = 5;

/** A decision for people. @param all every rule that was considered, too */
export function explanationLines(explanation: Explanation, all: boolean): string[] {
  const { allowed, reason, words, remote, localId, service, rule, path, groups } = explanation;
  const what = `${localId}${service === '' ? '' : ` for ${service}`}`;
  const verdict = allowed ? styled('green', 'allowed') : styled('red', 'denied');
  const lines = [`${verdict}: ${remote} ${allowed ? 'may' : 'may not'} use ${what}`];
  lines.push(`  why     ${words} [${reason}]`);
  if (rule?.note) lines.push(`  note    ${rule.note}`);
  if (path.length > 1) lines.push(`  path    ${path.join(' → ')}`);
  if (!all) return lines;
  lines.push(`  groups  ${groups.length === 0 ? 'none' : listed(groups)}`);
  return [...lines, ...consideredLines(explanation)];
}

function consideredLines({ closed, localId, considered }: Explanation): string[] {
  const standing = closed
    ? `${localId} is closed: without an allow nobody gets in`
    : `${localId} is open: without a deny everybody gets in`;
  if (considered.length === 0) return [`  rules   none; ${standing}`];
  // They stand in the order of their weight: what is about others comes last.
  const shown = considered.slice(0, MOST_RULES);
  const rest = considered.length - shown.length;
  return [
    `  rules   ${considered.length} considered; ${standing}`,
    ...shown.map(({ rule, text, applies, words }) => {
      return `    ${applies ? '✓' : '–'} ${rule}: ${text}  (${words})`;
    }),
    ...(rest > 0 ? [`    – and ${rest} more`] : []),
  ];
}

function listed(groups: readonly string[]): string {
  const most = 8;
  const more = groups.length > most ? `, … (${groups.length} in all)` : '';
  return `${groups.slice(0, most).join(', ')}${more}`;
}

function styled(colour: 'green' | 'red', text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}
