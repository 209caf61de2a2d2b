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
 * NNTP (RFC 3977) with STARTTLS (RFC 4642).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 4642 §2.1: STARTTLS is a capability before TLS, and not within | put in before; taken out of the program's first list after, should it offer it |
 * | §2.2.1: 382 begins TLS; the command takes no arguments | so; 501 to one that has |
 * | §2.2.2: not to be pipelined | whatever is behind STARTTLS ends the connection (injection) |
 * | §2.2.2: both sides discard what they knew | the program hears nothing of the client; our own client passes on no more of the greeting than whether posting is allowed |
 * | RFC 4643 §2.1, RFC 3977 §3.2.1: 483 where TLS has to come first | to all but CAPABILITIES, DATE-less HELP, MODE READER and QUIT; AUTHINFO and SASL are not listed |
 * | RFC 4642 §5: a server that does not offer it may be somebody on the way (stripping) | anything but 382 ends our client's connection |
 */
export const nntp: Protocol = { name: 'nntp', service: 'nntp', serverFirst: true, server, client };

/** RFC 3977 section 3.1. */
const longestCommand = 512;
const mostCommands = 32;
const passwords = ['AUTHINFO', 'SASL', 'STARTTLS'];

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* program.line();
  peer.send(`${greeting}\r\n`);
  if (!isWelcome(greeting)) throw notSpoken('program', 'NNTP', greeting);
  const capabilities = yield* capabilitiesOf(program);
  const hidden = policy.optional ? ['STARTTLS'] : passwords;
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* peer.line(longestCommand);
    const [verb, ...words] = line.trim().toUpperCase().split(/\s+/);
    if (verb === 'STARTTLS' && words.length === 0) {
      requireNothingBehind(peer);
      peer.send('382 Continue with TLS negotiation\r\n');
      yield* secure(talk);
      yield* contactAnew(talk, (fresh) => fresh.line());
      return yield* inside(talk, capabilities);
    }
    if (verb === 'CAPABILITIES') {
      peer.send(`101 Capability list:\r\n${editList(capabilities, hidden, ['STARTTLS'])}`);
    } else if (policy.optional) {
      program.send(`${line}\r\n`);
      return 'through';
    } else if (verb === 'STARTTLS') peer.send('501 STARTTLS takes no arguments\r\n');
    else if (verb === 'QUIT') {
      peer.send('205 Bye\r\n');
      throw leftBefore();
    } else peer.send('483 STARTTLS comes first\r\n');
  }
  peer.send('400 Too many commands before STARTTLS\r\n');
  throw neverAsked();
}

function isWelcome(greeting: string): boolean {
  return /^20[01]\b/.test(greeting);
}

/** A program that knows no CAPABILITIES (before RFC 3977) is a reader. */
function* capabilitiesOf(program: Party): Talking<readonly string[]> {
  program.send('CAPABILITIES\r\n');
  const answer = yield* program.line();
  return answer.startsWith('101') ? yield* dotList(program) : ['VERSION 2', 'READER'];
}

function* inside(talk: Talk, capabilities: readonly string[]): Dialog {
  if (!lists(capabilities, 'STARTTLS')) return 'leave';
  yield* stayInside(talk);
  const line = yield* talk.peer.line(longestCommand);
  talk.program.send(`${line}\r\n`);
  if (!/^CAPABILITIES\b/i.test(line)) return 'through';
  const answer = yield* talk.program.line();
  talk.peer.send(`${answer}\r\n`);
  if (answer.startsWith('101')) {
    talk.peer.send(editList(yield* dotList(talk.program), ['STARTTLS']));
  }
  return 'through';
}

function* client(talk: Talk): Dialog {
  const { peer, program } = talk;
  const greeting = yield* peer.line();
  if (!isWelcome(greeting)) throw unwelcome(greeting);
  requireNothingBehind(peer);
  peer.send('STARTTLS\r\n');
  const answer = yield* peer.line();
  if (!/^382\b/.test(answer)) throw refusedByServer('STARTTLS', answer);
  yield* secure(talk);
  yield* contact(talk);
  program.send(`${greeting.slice(0, 3)} ${talk.identities.remoteId}\r\n`);
  return 'leave';
}
