import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import type { Talking } from './step.ts';

/** A reply of three digits and text, in one or more lines (RFC 5321 section 4.2.1, RFC 959 section 4.2). */
export interface Reply {
  readonly code: number;
  /** The text of each line, without the code. */
  readonly lines: readonly string[];
}

/** Reads one. The lines in between need no code in FTP, so that the code with a space ends it. */
export function* reply(party: Party): Talking<Reply> {
  const first = yield* party.line();
  const start = /^(?<code>[1-5]\d\d)(?<more>-| |$)(?<text>.*)$/.exec(first);
  if (!start?.groups) throw noReply(first);
  const { code = '', more, text = '' } = start.groups;
  const lines = [text];
  while (more === '-') {
    const line = yield* party.line();
    const coded = line.startsWith(code) ? line.slice(code.length) : undefined;
    if (coded === '' || coded?.startsWith(' ')) {
      lines.push(coded.slice(1));
      break;
    }
    lines.push(coded?.startsWith('-') ? coded.slice(1) : line);
    if (lines.length > mostLines) throw noReply('too many lines');
  }
  return { code: Number(code), lines };
}

/** As it goes over the wire. */
export function writeReply({ code, lines }: Reply): string {
  const last = lines.length - 1;
  return lines.map((text, index) => `${code}${index === last ? ' ' : '-'}${text}\r\n`).join('');
}

/** To show what was replied. */
export function firstLine({ code, lines }: Reply): string {
  return `${code} ${lines[0] ?? ''}`;
}

const mostLines = 128;

function noReply(line: string): DialogEnd {
  const shown = JSON.stringify(line.slice(0, 80));
  return new DialogEnd('starttls-no-reply', `expected a reply with a code, got ${shown}`);
}
