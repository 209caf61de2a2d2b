import {
  type ClientPolicy,
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
import type { Party } from './party.ts';
import {
  leftBefore,
  neverAsked,
  notOffered,
  refusedByProgram,
  refusedByServer,
  unwelcome,
} from './refusals.ts';
import { firstLine, type Reply, reply, writeReply } from './replies.ts';

/*
 * SMTP (RFC 5321) and LMTP (RFC 2033) with STARTTLS (RFC 3207).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 3207 §4: STARTTLS takes no parameter | one that has is answered 501 |
 * | §4: a server that requires TLS answers 530 to anything but NOOP, EHLO, STARTTLS, QUIT | so, and 250 to RSET; a 530 also to HELO's mail |
 * | §4: not required of a publicly referenced server | `--unsafe-tls-optional`; the command says so for port 25 |
 * | §4.2: the server discards what it knew from before TLS, such as the argument of EHLO | the program never hears it; the capabilities that we show were asked in our own name |
 * | §4.2: the client discards it likewise | our own client asks EHLO in the clear; the program asks again inside TLS |
 * | §4.2: STARTTLS is not offered inside TLS | if the program offers it itself, it is taken out of its first answer |
 * | §5: nothing said before TLS is believed after it | commands behind STARTTLS, and replies behind its 220, end the connection |
 * | §6: a client that is not offered STARTTLS must not go on if it wants TLS (stripping) | the connection ends |
 * | RFC 5321 §4.5.3.1: lines of up to 512 bytes | 2,048, as extensions make them longer; then the connection ends |
 * | RFC 4954 §4: no plaintext passwords without TLS | AUTH is not shown before TLS |
 * | RFC 2033 §4.1: LHLO in the place of EHLO and HELO | so, in LMTP |
 */
export const smtp: Protocol = {
  name: 'smtp',
  service: 'smtp',
  serverFirst: true,
  server: (talk, policy) => server(talk, policy, 'EHLO'),
  client: (talk, policy) => client(talk, policy, 'EHLO'),
};

export const lmtp: Protocol = {
  name: 'lmtp',
  service: 'lmtp',
  serverFirst: true,
  server: (talk, policy) => server(talk, policy, 'LHLO'),
  client: (talk, policy) => client(talk, policy, 'LHLO'),
};

type Hello = 'EHLO' | 'LHLO';

const longestCommand = 2048;
/** Commands before TLS; whoever needs more has no use for it. */
const mostCommands = 32;

function* server(talk: Talk, policy: ServerPolicy, hello: Hello): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* reply(program);
  peer.send(writeReply(greeting));
  if (greeting.code !== 220) throw refusedByProgram(firstLine(greeting));
  if (policy.optional) return yield* optionalServer(talk, hello);
  let features: Reply | undefined;
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* peer.line(longestCommand);
    const [verb, argument] = command(line);
    if (verb === hello) {
      features ??= yield* featuresOf(program, hello, talk.identities.localId);
      peer.send(writeReply(beforeTls(features)));
    } else if (verb === 'STARTTLS' && argument === '') {
      requireNothingBehind(peer);
      features ??= yield* featuresOf(program, hello, talk.identities.localId);
      peer.send(readyReply);
      yield* secure(talk);
      // Programs that know nothing of TLS take one EHLO: ours was it, and the peer's would be refused (OpenSMTPD).
      yield* contactAnew(talk, reply, true);
      return yield* inside(talk, features, hello);
    } else if (verb === 'QUIT') {
      peer.send('221 2.0.0 Bye\r\n');
      throw leftBefore();
    } else peer.send(answer(verb, argument, hello));
  }
  peer.send('421 4.7.0 Too many commands before STARTTLS\r\n');
  throw neverAsked();
}

const readyReply = '220 2.0.0 Ready to start TLS\r\n';

function command(line: string): [verb: string, argument: string] {
  const [, verb = '', argument = ''] = /^(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  return [verb.toUpperCase(), argument];
}

function answer(verb: string, argument: string, hello: Hello): string {
  if (verb === 'STARTTLS')
    return `501 5.5.4 STARTTLS takes no parameter, not ${argument.length}\r\n`;
  if (verb === 'NOOP' || verb === 'RSET') return '250 2.0.0 OK\r\n';
  if (verb === 'HELO' && hello === 'EHLO') return '250 OK, but STARTTLS comes first\r\n';
  if (verb === 'EHLO' || verb === 'HELO' || verb === 'LHLO') {
    return `500 5.5.1 Say ${hello}\r\n`;
  }
  return '530 5.7.0 Must issue a STARTTLS command first\r\n';
}

/** Asked in our own name, which the peer's replaces: see RFC 5321 section 4.1.4. */
function* featuresOf(program: Party, hello: Hello, localId: string): Talking<Reply> {
  program.send(`${hello} ${localId || 'localhost'}\r\n`);
  const features = yield* reply(program);
  // A program without extensions: its name is all that there is to tell.
  return features.code === 250 ? features : { code: 250, lines: [localId || 'localhost'] };
}

function offers({ lines }: Reply, feature: string): boolean {
  return lines.slice(1).some((line) => keyword(line) === feature);
}

function keyword(line: string): string {
  return (/^[^\s=]*/.exec(line)?.[0] ?? '').toUpperCase();
}

function without({ code, lines }: Reply, ...features: readonly string[]): Reply {
  const [name = '', ...others] = lines;
  return { code, lines: [name, ...others.filter((line) => !features.includes(keyword(line)))] };
}

function beforeTls(features: Reply): Reply {
  const { code, lines } = without(features, 'STARTTLS', 'AUTH');
  return { code, lines: [...lines, 'STARTTLS'] };
}

/** A program that knows of TLS after all would offer it a second time. */
function* inside(talk: Talk, features: Reply, hello: Hello): Dialog {
  if (!offers(features, 'STARTTLS')) return 'leave';
  yield* stayInside(talk);
  for (;;) {
    const line = yield* talk.peer.line(longestCommand);
    talk.program.send(`${line}\r\n`);
    const answered = yield* reply(talk.program);
    const [verb] = command(line);
    talk.peer.send(writeReply(verb === hello ? without(answered, 'STARTTLS') : answered));
    if (verb === hello || verb === 'HELO' || answered.code === 354) return 'through';
  }
}

/** Until it is clear whether the peer wants TLS, its questions and the program's answers pass. */
function* optionalServer(talk: Talk, hello: Hello): Dialog {
  const { peer, program } = talk;
  let shown: Reply | undefined;
  for (;;) {
    const line = yield* peer.line(longestCommand);
    const [verb, argument] = command(line);
    if (verb === 'STARTTLS' && argument === '' && shown) {
      requireNothingBehind(peer);
      peer.send(readyReply);
      yield* secure(talk);
      // What the program has heard in the clear is forgotten with its connection.
      yield* contactAnew(talk, reply, true);
      return yield* inside(talk, shown, hello);
    }
    program.send(`${line}\r\n`);
    if (!asking.has(verb) && verb !== hello) return 'through';
    const answered = yield* reply(program);
    if (verb === hello && answered.code === 250) {
      shown = answered;
      peer.send(
        writeReply({
          ...beforeTls(answered),
          lines: [...without(answered, 'STARTTLS').lines, 'STARTTLS'],
        }),
      );
    } else peer.send(writeReply(answered));
  }
}

/** Commands that change nothing, and are answered with one reply. */
const asking: ReadonlySet<string> = new Set(['NOOP', 'RSET', 'HELP', 'VRFY']);

function* client(talk: Talk, { ownName }: ClientPolicy, hello: Hello): Dialog {
  const { peer, program } = talk;
  const greeting = yield* reply(peer);
  if (greeting.code !== 220) throw unwelcome(firstLine(greeting));
  requireNothingBehind(peer);
  peer.send(`${hello} ${ownName}\r\n`);
  const features = yield* reply(peer);
  if (features.code !== 250) throw refusedByServer(hello, firstLine(features));
  if (!offers(features, 'STARTTLS')) throw notOffered();
  requireNothingBehind(peer);
  peer.send('STARTTLS\r\n');
  const ready = yield* reply(peer);
  if (ready.code !== 220) throw refusedByServer('STARTTLS', firstLine(ready));
  yield* secure(talk);
  yield* contact(talk);
  // The server does not greet again, and what it said in the clear is not passed on.
  program.send(`220 ${talk.identities.remoteId} ${hello === 'LHLO' ? 'LMTP' : 'ESMTP'}\r\n`);
  return 'leave';
}
