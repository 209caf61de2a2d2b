import { type Dialog, stayInside, type Talk } from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import type { Talking } from './step.ts';

/** How a protocol asks for a list of capabilities. */
export interface CapabilityCommand {
  readonly command: string;
  /** The answer that the list follows. */
  readonly follows: RegExp;
  /** What is in the list of a server that does TLS. */
  readonly startTls: string;
  /** What a program can that does not know the command. */
  readonly otherwise: readonly string[];
}

/** What the program can. Asking changes nothing in it. */
export function* capabilitiesOf(
  program: Party,
  asks: CapabilityCommand,
): Talking<readonly string[]> {
  program.send(`${asks.command}\r\n`);
  const answer = yield* program.line();
  return asks.follows.test(answer) ? yield* dotList(program) : asks.otherwise;
}

/** Inside TLS, takes the offer of TLS out of the list if the peer asks for it first, as it should. */
export function* hideStartTls(
  talk: Talk,
  capabilities: readonly string[],
  { command, follows, startTls }: CapabilityCommand,
): Dialog {
  if (!lists(capabilities, startTls)) return 'leave';
  yield* stayInside(talk);
  const line = yield* talk.peer.line(longestCommand);
  talk.program.send(`${line}\r\n`);
  if (labelOf(line) !== command) return 'through';
  const answer = yield* talk.program.line();
  talk.peer.send(`${answer}\r\n`);
  if (follows.test(answer)) talk.peer.send(editList(yield* dotList(talk.program), [startTls]));
  return 'through';
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

function lists(lines: readonly string[], label: string): boolean {
  return lines.some((line) => labelOf(line) === label);
}

const mostLines = 256;
/** RFC 3977 section 3.1; POP3's are shorter. */
const longestCommand = 512;

function labelOf(line: string): string {
  return line.trim().split(' ', 1)[0]?.toUpperCase() ?? '';
}

/** Lines up to the one that is a dot, which is left out (RFC 1939 section 3, RFC 3977 section 3.1.1). */
function* dotList(party: Party): Talking<readonly string[]> {
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
