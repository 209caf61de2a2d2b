import { DialogEnd } from './dialog-end.ts';

/** What the other side said, short enough for a message, and without control characters. */
export function shown(line: string): string {
  return JSON.stringify(line.slice(0, 80));
}

/** A client of ours is not offered TLS. */
export function notOffered(): DialogEnd {
  return new DialogEnd(
    'starttls-not-offered',
    'the server does not offer STARTTLS',
    'Or somebody on the way takes the offer out; the connection was ended.',
  );
}

/** A server said no to a client of ours. */
export function refusedByServer(what: string, answer: string): DialogEnd {
  return new DialogEnd('starttls-refused', `the server answered ${shown(answer)} to ${what}`);
}

/** It does so before it was asked for anything. */
export function unwelcome(greeting: string): DialogEnd {
  return new DialogEnd('starttls-refused', `the server greets with ${shown(greeting)}`);
}

/** The program behind a server of ours does not want to serve. */
export function refusedByProgram(greeting: string): DialogEnd {
  return new DialogEnd('starttls-refused', `the program greets with ${shown(greeting)}`);
}

/** A client that left, or that we let go, without TLS. */
export function neverAsked(): DialogEnd {
  return new DialogEnd('starttls-refused', 'the peer never asked for TLS');
}

export function leftBefore(): DialogEnd {
  return new DialogEnd('starttls-ended', 'the peer left before TLS');
}

/** One side does not speak the protocol. */
export function notSpoken(who: 'peer' | 'program', protocol: string, said: string): DialogEnd {
  return new DialogEnd(
    'starttls-no-reply',
    `the ${who} does not speak ${protocol}, but said ${shown(said)}`,
  );
}
