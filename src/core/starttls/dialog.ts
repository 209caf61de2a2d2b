import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import type { ConnectionEnds } from './proxy-protocol.ts';
import type { Talking, TlsTerms } from './step.ts';

/**
 * How a dialog is over. `leave`: the pool gets the program's own socket, nothing more of the connection is seen here.
 * `through`: what either side says from now on goes to the other; in the clear if there was no TLS.
 */
export type Outcome = 'leave' | 'through';

export type Dialog = Talking<Outcome>;

/** Both sides of a dialog, and the other things that it may ask for. */
export interface Talk {
  readonly peer: Party;
  readonly program: Party;
  /** Who is who; known after `secure`. */
  readonly identities: DialogIdentities;
  /** Where the data connection that was asked for last is waited for. */
  readonly data: { readonly address: string; readonly port: number };
  /** The pool's answer to whether the peer may go on in the clear. */
  readonly clear: boolean;
  /** Who is connected with whom, as far as the peer goes; a PROXY header says it anew. */
  ends: ConnectionEnds;
  /**
   * What a connection to the program has to begin with, as it is known now. Where there is something, and where the
   * program learns from its connection itself who the peer is, it gets a new one inside TLS.
   */
  readonly introduction: Introduction | undefined;
}

export interface Introduction {
  /** Empty: nothing is sent, but the program still gets to know from the connection. */
  readonly words: () => Buffer;
}

export interface DialogIdentities {
  /** Who we are to the peer; before TLS, one of those that we may be; '' if that is not known. */
  localId: string;
  /** Who the peer is: proved after TLS, before it expected. */
  remoteId: string;
}

export interface ServerPolicy {
  /** Clients that do not ask for TLS are served in the clear (`--unsafe-tls-optional`). */
  readonly optional: boolean;
}

export interface ClientPolicy {
  /** How we call ourselves where the protocol wants a name: in EHLO, for one. */
  readonly ownName: string;
  /** Whom an HTTP proxy is to connect us with, as HOST:PORT. */
  readonly destination?: string | undefined;
}

/** A protocol that has TLS as something that is asked for. */
export interface Protocol {
  readonly name: string;
  /** IANA's name of the service, which rules about access are told unless `--service` says another. */
  readonly service: string;
  /** The server speaks first: its program has to be connected to before TLS. */
  readonly serverFirst: boolean;
  /** TLS without a dialog before it (RFC 8314, RFC 9325) requires this protocol to be agreed on by ALPN. */
  readonly alpn?: readonly string[];
  /** We are the server: the peer asks us for TLS. */
  readonly server?: (talk: Talk, policy: ServerPolicy) => Dialog;
  /** We are the client: we ask the peer for TLS. */
  readonly client?: (talk: Talk, policy: ClientPolicy) => Dialog;
  /** Why the server side has no `optional`; absent where it has. */
  readonly neverOptional?: string;
}

/** Connects to the program. */
export function* contact(talk: Talk): Talking<void> {
  talk.program.forget();
  yield { wait: 'program' };
  const words = talk.introduction?.words();
  if (words && words.length > 0) talk.program.send(words);
}

/**
 * Inside TLS, a program that was connected to before it is connected to anew where it has to learn who the peer is, or
 * has heard (`tainted`) what is to be forgotten. Its second greeting is not passed on.
 */
export function* contactAnew<Greeting>(
  talk: Talk,
  greeting: (program: Party) => Talking<Greeting>,
  tainted = false,
): Talking<void> {
  if (!talk.introduction && !tainted) return;
  yield* contact(talk);
  yield* greeting(talk.program);
}

/**
 * TLS with the peer, after which it is known who it is. Nothing that was sent before may wait to be read: it would have
 * been said by whoever is on the way, to be taken for something said inside TLS (CVE-2011-0411, CVE-2021-33515).
 */
export function* secure({ peer }: Talk, terms: TlsTerms = {}): Talking<void> {
  requireNothingBehind(peer);
  yield { wait: 'tls', ...terms };
}

/** The same where what follows may be there already, and is TLS: only the bytes of the request were consumed. */
export function* secureBehind(terms: TlsTerms = {}): Talking<void> {
  yield { wait: 'tls', ...terms };
}

/**
 * Where TLS is optional: may the peer go on in the clear? It is nobody then (`anonymous`), and our identity may be closed to
 * such, in which case TLS is required of it after all.
 */
export function* mayStayClear(talk: Talk): Talking<boolean> {
  yield { wait: 'clear' };
  return talk.clear;
}

/** Stays between the program and what comes out of TLS. */
export function* stayInside({ peer }: Talk): Talking<void> {
  peer.forget();
  yield { wait: 'inside' };
}

export function requireNothingBehind(peer: Party): void {
  if (peer.pending === 0) return;
  throw new DialogEnd(
    'starttls-injection',
    `${peer.pending} bytes were sent in the clear behind what starts TLS`,
    'Somebody on the way may have put them there; the connection was ended.',
  );
}
