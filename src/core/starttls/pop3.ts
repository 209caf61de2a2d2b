import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  stayInside,
  type Talk,
  type Talking,
} from './dialog.ts';
import { dotList, editList, lists } from './dot-list.ts';
import type { Party } from './party.ts';
import { leftBefore, neverAsked, notSpoken, refusedByServer, unwelcome } from './refusals.ts';

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
const mostCommands = 32;
const passwords = ['USER', 'SASL', 'STLS'];

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* program.line();
  peer.send(`${greeting}\r\n`);
  if (!greeting.startsWith('+OK')) throw notSpoken('program', 'POP3', greeting);
  const capabilities = yield* capabilitiesOf(program);
  const hidden = policy.optional ? ['STLS'] : passwords;
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* peer.line(longestCommand);
    const verb = line.trim().toUpperCase();
    if (verb === 'STLS') {
      requireNothingBehind(peer);
      peer.send('+OK Begin TLS\r\n');
      yield* secure(talk);
      yield* contactAnew(talk, (fresh) => fresh.line());
      return yield* inside(talk, capabilities);
    }
    if (verb === 'CAPA') peer.send(`+OK\r\n${editList(capabilities, hidden, ['STLS'])}`);
    else if (policy.optional) {
      program.send(`${line}\r\n`);
      return 'through';
    } else if (verb === 'NOOP') peer.send('+OK\r\n');
    else if (verb === 'QUIT') {
      peer.send('+OK Bye\r\n');
      throw leftBefore();
    } else peer.send('-ERR STLS comes first\r\n');
  }
  throw neverAsked();
}

/** None from a program that does not know CAPA. */
function* capabilitiesOf(program: Party): Talking<readonly string[]> {
  program.send('CAPA\r\n');
  const answer = yield* program.line();
  return answer.startsWith('+OK') ? yield* dotList(program) : [];
}

function* inside(talk: Talk, capabilities: readonly string[]): Dialog {
  if (!lists(capabilities, 'STLS')) return 'leave';
  yield* stayInside(talk);
  const line = yield* talk.peer.line(longestCommand);
  talk.program.send(`${line}\r\n`);
  if (line.trim().toUpperCase() !== 'CAPA') return 'through';
  const answer = yield* talk.program.line();
  talk.peer.send(`${answer}\r\n`);
  if (answer.startsWith('+OK')) talk.peer.send(editList(yield* dotList(talk.program), ['STLS']));
  return 'through';
}

function* client(talk: Talk): Dialog {
  const { peer, program } = talk;
  const greeting = yield* peer.line();
  if (!greeting.startsWith('+OK')) throw unwelcome(greeting);
  requireNothingBehind(peer);
  peer.send('STLS\r\n');
  const answer = yield* peer.line();
  if (!/^\+OK\b/.test(answer)) throw refusedByServer('STLS', answer);
  yield* secure(talk);
  yield* contact(talk);
  program.send(`+OK ${talk.identities.remoteId}\r\n`);
  return 'leave';
}
