import { askForTls, untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  type ServerPolicy,
  type Talk,
} from './dialog.ts';
import { capabilitiesOf, editList, hideStartTls } from './dot-list.ts';
import { notSpoken, unwelcome } from './refusals.ts';

/*
 * POP3 (RFC 1939) with STLS (RFC 2595 section 4) and CAPA (RFC 2449).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 2595 §4: STLS is offered in CAPA before TLS, and not within | put in before; taken out of the program's first list after, should it offer it |
 * | §4: only in the AUTHORIZATION state | the program sees no command before TLS, so it is in no other |
 * | §2.2, §4: the server refuses to log in without TLS | -ERR to all but CAPA, STLS, NOOP and QUIT; USER and SASL are not in CAPA |
 * | §4: what was known before TLS is discarded | the program hears nothing of the client; our own client passes no greeting on, so that no challenge of APOP comes from outside TLS |
 * | RFC 1939 §3: -ERR refuses | a server's -ERR to STLS ends our client's connection (stripping) |
 * | CVE-2011-0411: injection | commands behind STLS, answers behind its +OK, end the connection |
 */
export const pop3: Protocol = { name: 'pop3', service: 'pop3', serverFirst: true, server, client };

/** RFC 2449 section 4. */
const longestCommand = 255;
const passwords = ['USER', 'SASL', 'STLS'];
const capa = { command: 'CAPA', follows: /^\+OK/, startTls: 'STLS', otherwise: [] };

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* program.line();
  peer.send(`${greeting}\r\n`);
  if (!greeting.startsWith('+OK')) throw notSpoken('program', 'POP3', greeting);
  const capabilities = yield* capabilitiesOf(program, capa);
  const shown = editList(capabilities, policy.optional ? ['STLS'] : passwords, ['STLS']);
  const line = yield* untilTls(talk, policy, {
    longest: longestCommand,
    judge: (said) => judge(said, shown),
    tooMany: '-ERR Too many commands before STLS\r\n',
  });
  if (line !== undefined) {
    program.send(`${line}\r\n`);
    return 'through';
  }
  yield* contactAnew(talk, (fresh) => fresh.line());
  return yield* hideStartTls(talk, capabilities, capa);
}

function judge(line: string, capabilities: string): Verdict {
  switch (line.trim().toUpperCase()) {
    case 'STLS':
      return { is: 'start', answer: '+OK Begin TLS\r\n' };
    case 'CAPA':
      return { is: 'answered', answer: `+OK\r\n${capabilities}` };
    case 'NOOP':
      return { is: 'answered', answer: '+OK\r\n' };
    case 'QUIT':
      return { is: 'leaving', answer: '+OK Bye\r\n' };
    default:
      return { is: 'for-program', refusal: '-ERR STLS comes first\r\n' };
  }
}

function* client(talk: Talk): Dialog {
  const greeting = yield* talk.peer.line();
  if (!greeting.startsWith('+OK')) throw unwelcome(greeting);
  yield* askForTls(talk, 'STLS', /^\+OK\b/);
  talk.program.send(`+OK ${talk.identities.remoteId}\r\n`);
  return 'leave';
}
