import { untilTls, type Verdict } from './before-tls.ts';
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
} from './dialog.ts';
import { notOffered, refusedByProgram, refusedByServer, unwelcome } from './refusals.ts';
import { firstLine, type Reply, reply, writeReply } from './replies.ts';
import type { Talking } from './step.ts';

/*
 * SMTP (RFC 5321) and LMTP (RFC 2033) with STARTTLS (RFC 3207).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 3207 §4: STARTTLS takes no parameter | one that has is answered 501 |
 * | §4: a server that requires TLS answers 530 to anything but NOOP, EHLO, STARTTLS, QUIT | so, and 250 to RSET; a 530 also to HELO's mail |
 * | §4: not required of a publicly referenced server | `--unsafe-tls-optional`, with which the program hears the client's own EHLO; the commands say so for port 25 |
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

function* server(talk: Talk, policy: ServerPolicy, hello: Hello): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* reply(program);
  peer.send(writeReply(greeting));
  if (greeting.code !== 220) throw refusedByProgram(firstLine(greeting));
  const before = new BeforeTls(talk, policy, hello);
  const line = yield* untilTls(talk, policy, {
    longest: longestCommand,
    judge: (said) => before.judge(said),
    tooMany: '421 4.7.0 Too many commands before STARTTLS\r\n',
  });
  if (line !== undefined) return yield* goOnClear(talk, before.hello, line);
  const features = yield* before.features();
  // Programs that know nothing of TLS take one EHLO: ours was it, and the peer's would be refused (OpenSMTPD).
  yield* contactAnew(talk, reply, true);
  return yield* inside(talk, features, hello);
}

/** What the peer says before TLS. */
class BeforeTls {
  readonly #talk: Talk;
  readonly #policy: ServerPolicy;
  readonly #hello: Hello;
  #features: Reply | undefined;
  /** The peer's EHLO, if it said one. */
  hello: string | undefined;

  constructor(talk: Talk, policy: ServerPolicy, hello: Hello) {
    this.#talk = talk;
    this.#policy = policy;
    this.#hello = hello;
  }

  *judge(line: string): Talking<Verdict> {
    const [verb, argument] = command(line);
    if (verb === this.#hello) {
      const features = yield* this.features();
      this.hello = line;
      return { is: 'answered', answer: writeReply(offering(features, this.#policy)) };
    }
    if (verb === 'STARTTLS' && argument === '') {
      yield* this.features();
      return { is: 'start', answer: '220 2.0.0 Ready to start TLS\r\n' };
    }
    if (verb === 'QUIT') return { is: 'leaving', answer: '221 2.0.0 Bye\r\n' };
    return answer(verb, this.#hello);
  }

  /** Asked in our own name, which the peer's replaces: see RFC 5321 section 4.1.4. */
  *features(): Talking<Reply> {
    this.#features ??= yield* featuresOf(this.#talk, this.#hello);
    return this.#features;
  }
}

function command(line: string): [verb: string, argument: string] {
  const [, verb = '', argument = ''] = /^(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  return [verb.toUpperCase(), argument];
}

function answer(verb: string, hello: Hello): Verdict {
  if (verb === 'STARTTLS') {
    return { is: 'answered', answer: '501 5.5.4 STARTTLS takes no parameter\r\n' };
  }
  if (verb === 'NOOP' || verb === 'RSET') return { is: 'answered', answer: '250 2.0.0 OK\r\n' };
  if (verb === 'HELO' && hello === 'EHLO') {
    return { is: 'for-program', refusal: '250 OK, but STARTTLS comes first\r\n' };
  }
  if (verb === 'EHLO' || verb === 'HELO' || verb === 'LHLO') {
    return { is: 'answered', answer: `500 5.5.1 Say ${hello}\r\n` };
  }
  return { is: 'for-program', refusal: '530 5.7.0 Must issue a STARTTLS command first\r\n' };
}

function* featuresOf({ program, identities }: Talk, hello: Hello): Talking<Reply> {
  const ourName = identities.localId || 'localhost';
  program.send(`${hello} ${ourName}\r\n`);
  const features = yield* reply(program);
  // A program without extensions: its name is all that there is to tell.
  return features.code === 250 ? features : { code: 250, lines: [ourName] };
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

function offering(features: Reply, { optional }: ServerPolicy): Reply {
  const hidden = optional ? ['STARTTLS'] : ['STARTTLS', 'AUTH'];
  const { code, lines } = without(features, ...hidden);
  return { code, lines: [...lines, 'STARTTLS'] };
}

/** The program hears what the peer said, on a connection on which we have asked nothing. */
function* goOnClear(talk: Talk, hello: string | undefined, line: string): Dialog {
  if (hello !== undefined) {
    yield* contactAnew(talk, reply, true);
    talk.program.send(`${hello}\r\n`);
    // The peer has been answered already.
    yield* reply(talk.program);
  }
  talk.program.send(`${line}\r\n`);
  return 'through';
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
