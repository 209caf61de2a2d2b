import { untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  secure,
  secureBehind,
  stayInside,
  type Talk,
} from './dialog.ts';
import { eitherLine } from './either.ts';
import { refusedByProgram, refusedByServer, unwelcome } from './refusals.ts';
import { firstLine, reply, writeReply } from './replies.ts';
import type { Side, Talking } from './step.ts';

/*
 * FTP (RFC 959, RFC 2428) with AUTH TLS (RFC 4217, RFC 2228); `ftps` is the same with TLS from the start (port 990).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 4217 §4: AUTH TLS is answered 234, then TLS | so; 504 to other mechanisms |
 * | §6: FEAT tells AUTH TLS, PBSZ and PROT | the program's list with these; without AUTH inside TLS, without any for our client's program |
 * | §12.1, RFC 2228 §3: no log-in before TLS where it is required | 530 to all but AUTH, FEAT, NOOP and QUIT |
 * | §8, §9: PBSZ 0, then PROT P protects data | answered by us; our client asks for both by itself |
 * | §9, RFC 2228: 521 where data would not be protected | to transfers without PROT P; PROT C is answered 534 |
 * | §5: CCC would clear the control connection | 534 |
 * | §7: who is TLS server for control is so for data, in active mode too | so |
 * | §10.2: who connects for data has to be who is at the control connection | the same address, and the session of this very control connection resumed, or the same remote identity |
 * | RFC 2577 §3: no bounces | PORT and EPRT lead to the control connection's address, whatever they name; LPRT and LPSV are refused |
 * | RFC 959 §5.3: a command begins with its letters, and a blank is behind them | 500 to others: some servers pass over blanks and Telnet's commands, and would hear a PORT that we did not |
 * | RFC 1123 §4.1.2.6: the address in 227 may be worthless | the control connection's is used |
 * | injection | what is behind AUTH TLS, or behind its 234, ends the connection |
 * | stripping | our client ends the connection where AUTH TLS, PBSZ or PROT P is refused |
 */
export const ftp: Protocol = {
  name: 'ftp',
  service: 'ftp',
  serverFirst: true,
  server,
  client,
  neverOptional: 'its data connections would have to be in the clear as well',
};

export const ftps: Protocol = {
  name: 'ftps',
  service: 'ftps',
  serverFirst: false,
  server: implicitServer,
  client: implicitClient,
  neverOptional: 'it begins with TLS',
};

/** Its data connections have to be seen, so its control connection is to its end. */
export function isFtp({ name }: Protocol): boolean {
  return name === ftp.name || name === ftps.name;
}

const longestCommand = 4096;
const forControl = { bindsData: true };

function* server(talk: Talk): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* reply(program);
  peer.send(writeReply(greeting));
  if (greeting.code !== 220) throw refusedByProgram(firstLine(greeting));
  yield* untilTls(talk, required, {
    longest: longestCommand,
    judge,
    tooMany: '421 Too many commands before AUTH TLS\r\n',
    tls: forControl,
  });
  yield* contactAnew(talk, reply);
  yield* stayInside(talk);
  return yield* serve(talk);
}

const required = { optional: false };

function judge(line: string): Verdict {
  const [verb, argument] = command(line);
  if (verb === 'AUTH' && /^TLS(?:-C)?$/i.test(argument)) {
    return { is: 'start', answer: '234 AUTH TLS OK\r\n' };
  }
  if (verb === 'QUIT') return { is: 'leaving', answer: '221 Goodbye\r\n' };
  const answer = beforeTls[verb];
  if (answer !== undefined) return { is: 'answered', answer };
  return { is: 'for-program', refusal: '530 AUTH TLS comes first\r\n' };
}

const beforeTls: Readonly<Record<string, string>> = {
  AUTH: '504 Only AUTH TLS\r\n',
  FEAT: '211-Features:\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End\r\n',
  NOOP: '200 OK\r\n',
};

function* implicitServer(talk: Talk): Dialog {
  yield* secureBehind(forControl);
  yield* contact(talk);
  yield* stayInside(talk);
  return yield* serve(talk);
}

/** Telnet's interrupt and synch, which may stand before ABOR (RFC 959 section 4.1.3). */
const telnet = /^[\xf0-\xff]+/;

/** What is neither letter nor digit ends the verb, and has to be a blank: servers take Telnet's commands out of its middle. */
function command(line: string): [verb: string, argument: string] {
  const said = line.replace(telnet, '');
  const [, verb = '', argument = ''] = /^([A-Za-z][A-Za-z0-9]*)(?: (.*))?$/.exec(said) ?? [];
  return [verb.toUpperCase(), argument.trim()];
}

/** Everything inside TLS, to the end: what leads to data connections has to be seen. */
function* serve(talk: Talk): Dialog {
  const control = new Control(talk, 'peer');
  let isProtected = false;
  for (;;) {
    const { from, line } = yield* eitherLine(talk, longestCommand);
    if (from === 'program') {
      yield* control.replied(line);
      continue;
    }
    const [verb, argument] = command(line);
    if (verb === 'PROT' && argument.toUpperCase() === 'P') isProtected = true;
    const answer = protection(verb, argument) ?? (isProtected ? undefined : unprotected(verb));
    if (answer) talk.peer.send(answer);
    else yield* control.asked(line);
  }
}

/** What concerns TLS is between the peer and us. */
function protection(verb: string, argument: string): string | undefined {
  switch (verb) {
    case 'AUTH':
      return '503 TLS is there already\r\n';
    case 'PBSZ':
      return argument === '' ? '501 PBSZ takes a size\r\n' : '200 PBSZ=0\r\n';
    case 'PROT':
      if (argument.toUpperCase() === 'P') return '200 Data will be protected\r\n';
      return /^[CSE]$/i.test(argument)
        ? '534 Data has to be protected: PROT P\r\n'
        : '504 No such level\r\n';
    case 'CCC':
      return '534 The control connection stays protected\r\n';
    default:
      return undefined;
  }
}

function unprotected(verb: string): string | undefined {
  return transfers.has(verb) ? '521 PROT P comes first\r\n' : undefined;
}

const transfers: ReadonlySet<string> = new Set([
  'APPE',
  'LIST',
  'MLSD',
  'NLST',
  'RETR',
  'STOR',
  'STOU',
]);

function* client(talk: Talk): Dialog {
  const { peer } = talk;
  const greeting = yield* reply(peer);
  if (greeting.code !== 220) throw unwelcome(firstLine(greeting));
  requireNothingBehind(peer);
  peer.send('AUTH TLS\r\n');
  const answer = yield* reply(peer);
  if (answer.code !== 234) throw refusedByServer('AUTH TLS', firstLine(answer));
  yield* secure(talk, forControl);
  yield* contact(talk);
  yield* stayInside(talk);
  return yield* use(talk);
}

function* implicitClient(talk: Talk): Dialog {
  yield* secureBehind(forControl);
  yield* contact(talk);
  yield* stayInside(talk);
  const greeting = yield* reply(talk.peer);
  if (greeting.code !== 220) throw unwelcome(firstLine(greeting));
  return yield* use(talk);
}

/** The program's client, inside TLS, to the end. */
function* use(talk: Talk): Dialog {
  const { peer, program } = talk;
  for (const asking of ['PBSZ 0', 'PROT P']) {
    peer.send(`${asking}\r\n`);
    const answer = yield* reply(peer);
    if (answer.code !== 200) throw refusedByServer(asking, firstLine(answer));
  }
  program.send(`220 ${talk.identities.remoteId}\r\n`);
  const control = new Control(talk, 'program');
  for (;;) {
    const { from, line } = yield* eitherLine(talk, longestCommand);
    if (from === 'peer') yield* control.replied(line);
    else if (['AUTH', 'PBSZ', 'PROT', 'CCC'].includes(command(line)[0])) {
      program.send('502 TLS is taken care of\r\n');
    } else yield* control.asked(line);
  }
}

/** The lines that go both ways, with whatever leads to data connections led through us. */
class Control {
  readonly #talk: Talk;
  readonly #client: Side;
  readonly #server: Side;
  /** The code of the reply of several lines that is being read. */
  #within: string | undefined;
  #asksForFeatures = false;
  /** Commands that the server has not answered yet, the first one first. */
  readonly #unanswered: string[] = [];

  constructor(talk: Talk, client: Side) {
    this.#talk = talk;
    this.#client = client;
    this.#server = client === 'peer' ? 'program' : 'peer';
  }

  /** A command of the client's. */
  *asked(line: string): Talking<void> {
    const [verb, argument] = command(line);
    if (verb === '') {
      this.#toClient('500 No command begins so');
      return;
    }
    if (verb === 'LPRT' || verb === 'LPSV') {
      this.#toClient('502 Use EPSV or EPRT');
      return;
    }
    this.#asksForFeatures = verb === 'FEAT';
    if (verb !== 'PORT' && verb !== 'EPRT') {
      // Before it is heard: the program then listens at once.
      if (this.#isToListen(verb)) yield { wait: 'data-asked' };
      // Had the program listened for data, it would have said so now.
      if (this.#client === 'program') yield { wait: 'data-answered' };
      this.#unanswered.push(verb);
      this.#toServer(line.replace(telnet, ''));
      return;
    }
    const port = portOf(verb, argument);
    if (port === undefined) {
      this.#toClient('501 That is no address');
      return;
    }
    yield { wait: 'data', by: this.#server, port };
    const { address, port: ours } = this.#talk.data;
    this.#unanswered.push(verb);
    this.#toServer(
      address.includes(':') ? `EPRT |2|${address}|${ours}|` : `PORT ${commas(address, ours)}`,
    );
  }

  /** A line of the server's. */
  *replied(line: string): Talking<void> {
    const code = this.#within ?? line.slice(0, 3);
    const inMiddle = this.#within !== undefined && !line.startsWith(`${code} `);
    if (inMiddle) {
      this.#feature(line);
      return;
    }
    if (this.#within === undefined && line[3] === '-') {
      this.#within = code;
      this.#toClient(line);
      return;
    }
    const severalLines = this.#within !== undefined;
    this.#within = undefined;
    if (severalLines) this.#lastOfSeveral(line);
    else yield* this.#single(code, line);
    // The transfer is agreed to: now, and not before, TLS begins on its connection (RFC 4217 section 7).
    if (code.startsWith('1')) yield { wait: 'data-begin' };
    else yield* this.#answered(code);
  }

  /** Answers come in the order of commands; one that names a place is to what asked for one in any case. */
  *#answered(code: string): Talking<void> {
    const named = code === '227' || code === '229';
    const from = named ? this.#unanswered.findIndex((verb) => this.#isToListen(verb)) : 0;
    const verb = this.#unanswered.splice(0, from + 1).at(-1);
    if (verb !== undefined && this.#isToListen(verb)) yield { wait: 'data-answered' };
  }

  #isToListen(verb: string): boolean {
    return this.#server === 'program' && (verb === 'PASV' || verb === 'EPSV');
  }

  *#single(code: string, line: string): Talking<void> {
    if (code === '227' || code === '229') {
      const port = code === '227' ? passivePort(line) : extendedPassivePort(line);
      if (port === undefined) {
        this.#toClient('425 The server names no address');
        return;
      }
      yield { wait: 'data', by: this.#client, port };
      this.#toClient(this.#entering(code));
      return;
    }
    if (this.#asksForFeatures && code.startsWith('5') && this.#client === 'peer') {
      this.#toClient('211-Features:\r\n PBSZ\r\n PROT\r\n211 End');
    } else this.#toClient(line);
    this.#asksForFeatures = false;
  }

  #entering(code: '227' | '229'): string {
    const { address, port } = this.#talk.data;
    if (code === '229') return `229 Entering Extended Passive Mode (|||${port}|)`;
    // The program may be reached by IPv4 where its client is not: a 227 has no room for that address.
    if (address.includes(':')) return '425 Use EPSV';
    return `227 Entering Passive Mode (${commas(address, port)})`;
  }

  #feature(line: string): void {
    const isOurs = /^\s*(?:AUTH|PBSZ|PROT|CCC)\b/i.test(line);
    if (!(this.#asksForFeatures && isOurs)) this.#toClient(line);
  }

  #lastOfSeveral(line: string): void {
    const tells = this.#asksForFeatures && this.#client === 'peer' && line.startsWith('211');
    this.#asksForFeatures = false;
    this.#toClient(tells ? ` PBSZ\r\n PROT\r\n${line}` : line);
  }

  #toClient(line: string): void {
    this.#talk[this.#client].send(`${line}\r\n`);
  }

  #toServer(line: string): void {
    this.#talk[this.#server].send(`${line}\r\n`);
  }
}

/** RFC 959 section 4.1.2, RFC 2428 section 2. */
function portOf(verb: string, argument: string): number | undefined {
  if (verb === 'PORT') return ofCommas(/^((?:\d{1,3},){5}\d{1,3})$/.exec(argument)?.[1]);
  const port = /^(?<bar>[!-~])[12]\k<bar>[0-9A-Fa-f:.]+\k<bar>(?<port>\d{1,5})\k<bar>$/.exec(
    argument,
  )?.groups?.port;
  return valid(Number(port));
}

function passivePort(line: string): number | undefined {
  return ofCommas(/((?:\d{1,3},){5}\d{1,3})/.exec(line.slice(4))?.[1]);
}

function extendedPassivePort(line: string): number | undefined {
  return valid(
    Number(/\((?<bar>[!-~])\k<bar>\k<bar>(?<port>\d{1,5})\k<bar>\)/.exec(line)?.groups?.port),
  );
}

function ofCommas(list: string | undefined): number | undefined {
  const numbers = list?.split(',').map(Number) ?? [];
  if (numbers.length !== 6 || numbers.some((number) => number > 255)) return undefined;
  return valid((numbers[4] ?? 0) * 256 + (numbers[5] ?? 0));
}

function valid(port: number): number | undefined {
  return port > 0 && port <= 65_535 ? port : undefined;
}

function commas(address: string, port: number): string {
  return [...address.split('.'), port >> 8, port & 0xff].join(',');
}
