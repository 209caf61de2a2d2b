import { askForTls, untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  stayInside,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import { eitherLine } from './either.ts';
import type { Party } from './party.ts';
import { notOffered, notSpoken, refusedByProgram, unwelcome } from './refusals.ts';
import type { Talking } from './step.ts';

/*
 * IMAP (RFC 3501, RFC 9051) with STARTTLS (RFC 2595, RFC 9051 section 6.2.1).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 9051 §6.2.1: STARTTLS is offered before TLS, and not within | put into greeting and CAPABILITY before; taken out of the program's first CAPABILITY after, should it offer it |
 * | §6.2.3: LOGINDISABLED where passwords in the clear are refused | shown before TLS, AUTH=… is not |
 * | §6.2.1, §11.3: the client discards capabilities from before TLS | our client passes none of them on: the program's greeting is our own |
 * | §6.1: CAPABILITY, NOOP and LOGOUT are answered in every state | by us |
 * | §7.1: other commands before TLS | tag NO [PRIVACYREQUIRED] (RFC 5530), and the program never hears them |
 * | §7.1.4: PREAUTH comes too late for TLS | our client ends the connection; our server does when its program says so |
 * | §4.3: literals could hide commands | a line that announces one ends the connection before TLS |
 * | CVE-2021-33515, CVE-2020-12398: injection | commands behind STARTTLS, responses behind its OK, end the connection |
 * | stripping: the server must offer STARTTLS | else our client ends the connection |
 */
export const imap: Protocol = {
  name: 'imap',
  service: 'imap',
  serverFirst: true,
  server,
  client,
};

/** RFC 7162 section 4 has 8192 for commands. */
const longestCommand = 8192;
const longestResponse = 65_536;
const mostCommands = 32;

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* program.line(longestResponse);
  if (!/^\* OK\b/i.test(greeting)) throw badGreeting(talk, greeting);
  const capabilities = yield* capabilitiesOf(program, greeting);
  const shown = beforeTls(capabilities, policy);
  peer.send(`${withCapabilities(greeting, shown)}\r\n`);
  const line = yield* untilTls(talk, policy, {
    longest: longestCommand,
    judge: (said) => judge(said, shown.join(' ')),
    tooMany: '* BYE Too many commands before STARTTLS\r\n',
  });
  if (line !== undefined) {
    program.send(`${line}\r\n`);
    return 'through';
  }
  yield* contactAnew(talk, (fresh) => fresh.line(longestResponse));
  if (!capabilities.some((capability) => is(capability, 'STARTTLS'))) return 'leave';
  yield* stayInside(talk);
  return yield* hideStartTls(talk);
}

function badGreeting({ peer }: Talk, greeting: string): DialogEnd {
  if (/^\* BYE\b/i.test(greeting)) {
    peer.send(`${greeting}\r\n`);
    return refusedByProgram(greeting);
  }
  peer.send('* BYE This server is not set up well\r\n');
  return /^\* PREAUTH\b/i.test(greeting)
    ? new DialogEnd(
        'starttls-preauth',
        'the program greets with PREAUTH, which leaves no room for TLS',
        'Configure it to let its clients log in.',
      )
    : notSpoken('program', 'IMAP', greeting);
}

/** From the greeting, if it tells them, else they are asked for: that changes nothing in the program. */
function* capabilitiesOf(program: Party, greeting: string): Talking<readonly string[]> {
  const told = codeOf(greeting);
  if (told) return told;
  program.send('tls0 CAPABILITY\r\n');
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* program.line(longestResponse);
    const listed = /^\* CAPABILITY (.*)$/i.exec(line)?.[1];
    if (listed !== undefined) {
      yield* tagged(program, 'tls0');
      return listed.trim().split(/ +/);
    }
    if (line.startsWith('tls0 ')) break;
  }
  throw new DialogEnd('starttls-no-reply', 'the program does not tell its capabilities');
}

function* tagged(party: Party, tag: string): Talking<string> {
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* party.line(longestResponse);
    if (line.startsWith(`${tag} `)) return line.slice(tag.length + 1);
  }
  throw new DialogEnd('starttls-no-reply', `no answer to ${tag}`);
}

function codeOf(greeting: string): readonly string[] | undefined {
  return /^\* OK \[CAPABILITY ([^\]]*)\]/i.exec(greeting)?.[1]?.trim().split(/ +/);
}

function withCapabilities(greeting: string, capabilities: readonly string[]): string {
  const text = greeting.replace(/^\* OK (?:\[[^\]]*\] ?)?/i, '');
  return `* OK [CAPABILITY ${capabilities.join(' ')}] ${text}`;
}

function is(capability: string, ...names: readonly string[]): boolean {
  return names.includes(capability.toUpperCase());
}

function withoutStartTls(capabilities: readonly string[]): readonly string[] {
  return capabilities.filter((capability) => !is(capability, 'STARTTLS'));
}

function beforeTls(capabilities: readonly string[], { optional }: ServerPolicy): readonly string[] {
  const offered = withoutStartTls(capabilities);
  if (optional) return [...offered, 'STARTTLS'];
  const harmless = offered.filter(
    (capability) => !/^AUTH=/i.test(capability) && !is(capability, 'LOGINDISABLED', 'SASL-IR'),
  );
  return [...harmless, 'STARTTLS', 'LOGINDISABLED'];
}

function judge(line: string, capabilities: string): Verdict {
  // RFC 9051 section 9: a tag is any ASTRING-CHAR but "+".
  const [, tag, name = ''] = /^([^\s(){%*"\\+\]]+) ([A-Za-z]+)/.exec(line) ?? [];
  if (tag === undefined || /\{\d+\+?\}$/.test(line)) {
    const refusal = '* BAD Unexpected before TLS\r\n* BYE\r\n';
    return { is: 'for-program', refusal, ends: 'IMAP before TLS' };
  }
  const isAlone = line.length === tag.length + 1 + name.length;
  switch (isAlone ? name.toUpperCase() : '') {
    case 'STARTTLS':
      return { is: 'start', answer: `${tag} OK Begin TLS\r\n` };
    case 'CAPABILITY':
      return { is: 'answered', answer: `* CAPABILITY ${capabilities}\r\n${tag} OK Done\r\n` };
    case 'NOOP':
      return { is: 'answered', answer: `${tag} OK Done\r\n` };
    case 'LOGOUT':
      return { is: 'leaving', answer: `* BYE\r\n${tag} OK Done\r\n` };
    default: {
      const refusal = `${tag} NO [PRIVACYREQUIRED] STARTTLS comes first\r\n`;
      return { is: 'for-program', refusal };
    }
  }
}

/** Commands of a client that may still be told of STARTTLS. */
const beforeLogIn = /^\S+ (?:AUTHENTICATE|CAPABILITY|ID|LOGIN|NOOP)\b/i;

/** Until the program has told its capabilities once more, or the client goes on without: lines may be long then, or compressed. */
function* hideStartTls(talk: Talk): Dialog {
  for (;;) {
    const { from, line } = yield* eitherLine(talk, longestResponse);
    if (from === 'peer') {
      talk.program.send(`${line}\r\n`);
      // Literals are no lines: what follows is not for us to read.
      if (/\{\d+\+?\}$/.test(line)) return 'through';
      // A word alone belongs to AUTHENTICATE.
      if (line.includes(' ') && !beforeLogIn.test(line)) return 'through';
      continue;
    }
    const edited = line.replace(/(?<=CAPABILITY[^\]]*) STARTTLS\b/gi, '');
    talk.peer.send(`${edited}\r\n`);
    if (edited !== line || /\{\d+\}$/.test(line)) return 'through';
  }
}

function* client(talk: Talk): Dialog {
  const { peer, program } = talk;
  const greeting = yield* peer.line(longestResponse);
  if (/^\* PREAUTH\b/i.test(greeting)) {
    throw new DialogEnd(
      'starttls-preauth',
      'the server greets with PREAUTH, which leaves no room for TLS',
      'Or somebody on the way says so to keep the connection in the clear; it was ended.',
    );
  }
  if (!/^\* OK\b/i.test(greeting)) {
    throw unwelcome(greeting);
  }
  requireNothingBehind(peer);
  peer.send('tls0 CAPABILITY\r\n');
  yield* offered(peer);
  yield* askForTls(talk, 'tls1 STARTTLS', /^tls1 OK\b/i);
  program.send(`* OK ${talk.identities.remoteId} IMAP4rev1\r\n`);
  return 'leave';
}

function* offered(peer: Party): Talking<void> {
  let listed: string | undefined;
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* peer.line(longestResponse);
    listed = /^\* CAPABILITY (.*)$/i.exec(line)?.[1] ?? listed;
    if (!line.startsWith('tls0 ')) continue;
    if (listed?.split(' ').some((capability) => is(capability, 'STARTTLS'))) return;
    break;
  }
  throw notOffered();
}
