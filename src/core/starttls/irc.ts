import { untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  type Dialog,
  type Protocol,
  type ServerPolicy,
  secure,
  type Talk,
} from './dialog.ts';
import { notOffered, refusedByServer } from './refusals.ts';

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
  const us = `:${talk.identities.localId || 'tls'}`;
  const line = yield* untilTls(talk, policy, {
    longest: longestCommand,
    judge: (said) => judge(said, us),
    tooMany: 'ERROR :Too many commands before STARTTLS\r\n',
  });
  yield* contact(talk);
  if (line === undefined) return 'leave';
  talk.program.send(`${line}\r\n`);
  return 'through';
}

function judge(line: string, us: string): Verdict {
  const [verb = '', ...words] = line.trim().split(/ +/);
  switch (verb.toUpperCase()) {
    case 'STARTTLS':
      return {
        is: 'start',
        answer: `${us} 670 * :STARTTLS successful, proceed with TLS handshake\r\n`,
      };
    case 'CAP':
      return { is: 'answered', answer: capabilities(us, words) };
    case 'PING':
      return { is: 'answered', answer: `${us} PONG ${us.slice(1)} ${words.join(' ')}\r\n` };
    case 'QUIT':
      return { is: 'leaving', answer: 'ERROR :Closing link\r\n' };
    case '':
      return { is: 'answered', answer: '' };
    default:
      return { is: 'for-program', refusal: `${us} 451 * :STARTTLS comes first\r\n` };
  }
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
