import type { Verdict } from './before-tls.ts';
import { listingProtocol } from './listing-protocol.ts';

/*
 * NNTP (RFC 3977) with STARTTLS (RFC 4642).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 4642 §2.1: STARTTLS is a capability before TLS, and not within | put in before; taken out of the program's first list after, should it offer it |
 * | §2.2.1: 382 begins TLS; the command takes no arguments | so; 501 to one that has |
 * | §2.2.2: not to be pipelined | whatever is behind STARTTLS ends the connection (injection) |
 * | §2.2.2: both sides discard what they knew | the program hears nothing of the client; our own client passes on no more of the greeting than whether posting is allowed |
 * | RFC 4643 §2.1, RFC 3977 §3.2.1: 483 where TLS has to come first | to all but CAPABILITIES, STARTTLS and QUIT; AUTHINFO and SASL are not listed |
 * | RFC 4642 §5: a server that does not offer it may be somebody on the way (stripping) | anything but 382 ends our client's connection |
 */
export const nntp = listingProtocol({
  name: 'nntp',
  welcome: /^20[01]\b/,
  listing: {
    command: 'CAPABILITIES',
    follows: /^101/,
    startTls: 'STARTTLS',
    // A program from before RFC 3977 is a reader.
    otherwise: ['VERSION 2', 'READER'],
  },
  passwords: ['AUTHINFO', 'SASL'],
  judge,
  // RFC 3977 section 3.1.
  longest: 512,
  tooMany: '400 Too many commands before STARTTLS\r\n',
  ready: /^382\b/,
  greet: (serverGreeting, remoteId) => `${serverGreeting.slice(0, 3)} ${remoteId}`,
});

function judge(line: string, capabilities: string): Verdict {
  const [verb, ...words] = line.trim().toUpperCase().split(/\s+/);
  switch (verb) {
    case 'STARTTLS':
      return words.length === 0
        ? { is: 'start', answer: '382 Continue with TLS negotiation\r\n' }
        : { is: 'answered', answer: '501 STARTTLS takes no arguments\r\n' };
    case 'CAPABILITIES':
      return { is: 'answered', answer: `101 Capability list:\r\n${capabilities}` };
    case 'QUIT':
      return { is: 'leaving', answer: '205 Bye\r\n' };
    default:
      return { is: 'for-program', refusal: '483 STARTTLS comes first\r\n' };
  }
}
