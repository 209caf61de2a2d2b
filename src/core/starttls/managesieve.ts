import { askForTls, untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  type ServerPolicy,
  stayInside,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import { notOffered, refusedByProgram, unwelcome } from './refusals.ts';
import type { Talking } from './step.ts';

/*
 * ManageSieve (RFC 5804).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 5804 §1.7: the server greets with its capabilities | the program's, with STARTTLS, and with no SASL mechanism |
 * | §1.7: STARTTLS is not among them inside TLS | taken out of the program's, should it offer it |
 * | §2.2: after TLS the server tells its capabilities again, unasked | the program is asked for them, so that its answer is what the client waits for |
 * | §2.2: the client discards what it was told before | our own client passes on only what comes inside TLS |
 * | §1.3: ENCRYPT-NEEDED where TLS has to come first | NO (ENCRYPT-NEEDED) to all but CAPABILITY, NOOP, STARTTLS and LOGOUT |
 * | §4: literals could hide commands | a line that announces one ends the connection before TLS |
 * | §2.2, §5: nothing is pipelined behind STARTTLS | it ends the connection (injection), as does what is behind the answer |
 * | stripping | our client ends the connection where STARTTLS is not offered |
 */
export const managesieve: Protocol = {
  name: 'managesieve',
  service: 'sieve',
  serverFirst: true,
  server,
  client,
};

const longestCommand = 2048;
const mostLines = 64;

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const told = yield* capabilities(program);
  if (!told.answer.startsWith('OK')) throw refusedByProgram(told.answer);
  const shown = list(policy.optional ? [...hiding(told.lines), startTls] : beforeTls(told.lines));
  peer.send(`${shown}${told.answer}\r\n`);
  const line = yield* untilTls(talk, policy, {
    longest: longestCommand,
    judge: (said) => judge(said, shown),
    tooMany: 'BYE "STARTTLS comes first"\r\n',
  });
  if (line !== undefined) {
    program.send(`${line}\r\n`);
    return 'through';
  }
  yield* contactAnew(talk, capabilities);
  program.send('CAPABILITY\r\n');
  return offers(told.lines) ? yield* inside(talk) : 'leave';
}

function judge(line: string, capabilities: string): Verdict {
  if (/\{\d+\+?\}$/.test(line)) {
    const refusal = 'BYE "STARTTLS comes first"\r\n';
    return { is: 'for-program', refusal, ends: 'ManageSieve before TLS' };
  }
  switch ((/^[A-Za-z]+/.exec(line)?.[0] ?? '').toUpperCase()) {
    case 'STARTTLS':
      return { is: 'start', answer: 'OK "Begin TLS"\r\n' };
    case 'CAPABILITY':
      return { is: 'answered', answer: `${capabilities}OK\r\n` };
    case 'NOOP':
      return { is: 'answered', answer: 'OK\r\n' };
    case 'LOGOUT':
      return { is: 'leaving', answer: 'OK\r\n' };
    default:
      return { is: 'for-program', refusal: 'NO (ENCRYPT-NEEDED) "STARTTLS comes first"\r\n' };
  }
}

const startTls = '"STARTTLS"';

function* inside(talk: Talk): Dialog {
  const told = yield* capabilities(talk.program);
  yield* stayInside(talk);
  talk.peer.send(`${list(hiding(told.lines))}${told.answer}\r\n`);
  return 'through';
}

interface Told {
  readonly lines: readonly string[];
  /** The line that ends them: OK, NO or BYE. */
  readonly answer: string;
}

function* capabilities(party: Party): Talking<Told> {
  const lines: string[] = [];
  while (lines.length < mostLines) {
    const line = yield* party.line();
    if (/^(?:OK|NO|BYE)\b/i.test(line)) return { lines, answer: line };
    if (!line.startsWith('"') || /\{\d+\+?\}$/.test(line)) break;
    lines.push(line);
  }
  throw new DialogEnd(
    'starttls-no-reply',
    `the ${party.side} tells no capabilities of ManageSieve`,
  );
}

function nameOf(line: string): string {
  return (/^"([^"]*)"/.exec(line)?.[1] ?? '').toUpperCase();
}

function offers(lines: readonly string[]): boolean {
  return lines.some((line) => nameOf(line) === 'STARTTLS');
}

function hiding(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => nameOf(line) !== 'STARTTLS');
}

function beforeTls(lines: readonly string[]): readonly string[] {
  const others = hiding(lines).filter((line) => nameOf(line) !== 'SASL');
  return [...others, '"SASL" ""', startTls];
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}

function* client(talk: Talk): Dialog {
  const { peer } = talk;
  const told = yield* capabilities(peer);
  if (!/^OK\b/i.test(told.answer)) throw unwelcome(told.answer);
  if (!offers(told.lines)) throw notOffered();
  yield* askForTls(talk, 'STARTTLS', /^OK\b/i);
  return 'leave';
}
