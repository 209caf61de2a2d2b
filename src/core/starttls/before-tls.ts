import {
  contact,
  mayStayClear,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  type Talk,
} from './dialog.ts';
import { leftBefore, neverAsked, notSpoken, refusedByServer } from './refusals.ts';
import type { Talking, TlsTerms } from './step.ts';

/** What becomes of a line that a client says before TLS. */
export type Verdict =
  /** TLS begins behind our answer. */
  | { readonly is: 'start'; readonly answer: string }
  /** We answer it, be TLS required or not: it changes nothing. */
  | { readonly is: 'answered'; readonly answer: string }
  /** It is for the program. Where TLS is required it is answered so, and with `ends` the connection ends. */
  | { readonly is: 'for-program'; readonly refusal: string; readonly ends?: string }
  /** The client takes its leave. */
  | { readonly is: 'leaving'; readonly answer: string };

/** A protocol of lines, as long as TLS has not begun. */
export interface LinesBeforeTls {
  /** Bytes. */
  readonly longest: number;
  readonly judge: (line: string) => Verdict | Talking<Verdict>;
  /** What is said to whoever goes on and on. */
  readonly tooMany: string;
  /** What the protocol wants of TLS. */
  readonly tls?: TlsTerms;
}

/** Commands before TLS; whoever needs more has no use for it. */
const mostCommands = 32;

/**
 * Answers a client in the program's place until TLS is there: undefined. Where TLS is optional and the client goes on
 * without, the result is the line with which it does so; the program has not heard it.
 */
export function* untilTls(
  talk: Talk,
  { optional }: ServerPolicy,
  { longest, judge, tooMany, tls }: LinesBeforeTls,
): Talking<string | undefined> {
  const { peer } = talk;
  for (let count = 0; count < mostCommands; count++) {
    const line = yield* peer.line(longest);
    const judged = judge(line);
    const verdict = 'is' in judged ? judged : yield* judged;
    switch (verdict.is) {
      case 'start':
        requireNothingBehind(peer);
        peer.send(verdict.answer);
        yield* secure(talk, tls);
        return undefined;
      case 'answered':
        peer.send(verdict.answer);
        break;
      case 'leaving':
        peer.send(verdict.answer);
        throw leftBefore();
      default:
        if (optional && (yield* mayStayClear(talk))) return line;
        peer.send(verdict.refusal);
        if (verdict.ends !== undefined) throw notSpoken('peer', verdict.ends, line);
    }
  }
  peer.send(tooMany);
  throw neverAsked();
}

/** Asks a server for TLS by a line that is answered by a line; the program is connected to behind it. */
export function* askForTls(talk: Talk, command: string, ready: RegExp): Talking<void> {
  const { peer } = talk;
  requireNothingBehind(peer);
  peer.send(`${command}\r\n`);
  const answer = yield* peer.line();
  if (!ready.test(answer)) throw refusedByServer(command, answer);
  yield* secure(talk);
  yield* contact(talk);
}
