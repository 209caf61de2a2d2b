import type { Verdict } from './before-tls.ts';
import { listingProtocol } from './listing-protocol.ts';

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
export const pop3 = listingProtocol({
  name: 'pop3',
  welcome: /^\+OK/,
  listing: { command: 'CAPA', follows: /^\+OK/, startTls: 'STLS', otherwise: [] },
  passwords: ['USER', 'SASL'],
  judge,
  // RFC 2449 section 4.
  longest: 255,
  tooMany: '-ERR Too many commands before STLS\r\n',
  ready: /^\+OK\b/,
  greet: (_, remoteId) => `+OK ${remoteId}`,
});

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
