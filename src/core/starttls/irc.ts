import {
  contact,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  type Talk,
} from './dialog.ts';
import { leftBefore, neverAsked, notOffered, refusedByServer } from './refusals.ts';

/*
 * IRC (RFC 1459, RFC 2812) with STARTTLS (IRCv3 `tls`).
 *
 * | rule | how it is kept |
 * |---|---|
 * | IRCv3 tls: `tls` is listed by CAP LS | so, and it is all that is listed before TLS |
 * | CAP REQ :tls may come before STARTTLS | acknowledged; any other is refused by NAK |
 * | 670 answers STARTTLS, and the client then begins TLS | so |
 * | 691 refuses | ends our client's connection (stripping), as does 421 of a server that does not know the command |
 * | registration comes after TLS | NICK, USER and PASS are answered 451 and never heard by the program |
 * | injection | anything behind STARTTLS, or behind 670, ends the connection |
 * | RFC 1459 §2.3: lines of at most 512 bytes | 8,191 more for IRCv3 tags; then the connection ends |
 */
export const irc: Protocol = { name: 'irc', service: 'irc', serverFirst: false, server, client };

const longestCommand = 8703;
const mostLines = 64;

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  const us = `:${talk.identities.localId || 'tls'}`;
  for (let count = 0; count < mostLines; count++) {
    const line = yield* peer.line(longestCommand);
    const [verb = '', ...words] = line.trim().split(/ +/);
    const command = verb.toUpperCase();
    if (command === 'STARTTLS') {
      requireNothingBehind(peer);
      peer.send(`${us} 670 * :STARTTLS successful, proceed with TLS handshake\r\n`);
      yield* secure(talk);
      yield* contact(talk);
      return 'leave';
    }
    if (command === 'CAP' && !policy.optional) peer.send(capabilities(us, words));
    else if (policy.optional) {
      yield* contact(talk);
      program.send(`${line}\r\n`);
      return 'through';
    } else if (command === 'PING') peer.send(`${us} PONG ${us.slice(1)} ${words.join(' ')}\r\n`);
    else if (command === 'QUIT') {
      peer.send('ERROR :Closing link\r\n');
      throw leftBefore();
    } else if (command !== '') peer.send(`${us} 451 * :STARTTLS comes first\r\n`);
  }
  peer.send('ERROR :Too many commands before STARTTLS\r\n');
  throw neverAsked();
}

function capabilities(us: string, [subcommand = '', ...words]: readonly string[]): string {
  const asked = words.join(' ').replace(/^:/, '').trim();
  switch (subcommand.toUpperCase()) {
    case 'LS':
      return `${us} CAP * LS :tls\r\n`;
    case 'LIST':
      return `${us} CAP * LIST :\r\n`;
    case 'REQ':
      return `${us} CAP * ${asked === 'tls' ? 'ACK' : 'NAK'} :${asked}\r\n`;
    default:
      return '';
  }
}

function* client(talk: Talk): Dialog {
  const { peer } = talk;
  peer.send('STARTTLS\r\n');
  for (let count = 0; count < mostLines; count++) {
    const line = yield* peer.line(longestCommand);
    const [numeric, verb] = line
      .replace(/^@\S+ +/, '')
      .replace(/^:\S+ +/, '')
      .split(/ +/);
    if (numeric === '670') {
      yield* secure(talk);
      yield* contact(talk);
      return 'leave';
    }
    if (numeric === '691' || numeric === 'ERROR') throw refusedByServer('STARTTLS', line);
    if (numeric === '421' || numeric === '451' || verb === undefined) throw notOffered();
  }
  throw notOffered();
}
