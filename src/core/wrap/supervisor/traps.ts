import type { AddressBytes, SocketCookie } from '../client/gate.ts';

/**
 * What the supervisor of a program asks and tells, by kind. A question is about a system call of the program that waits
 * for the answer: whatever happens it gets one, and without one of ours it is EACCES.
 *
 * A handler of src/native/supervisor that needs a decision adds its kind here: `ask("KIND", …)` there, a question and
 * its answer below. What it only reports (`tell`) is a notice.
 */
export interface TrapQuestions {
  readonly listen: (question: ListenQuestion) => ListenAnswer | Promise<ListenAnswer>;
  /** A port is wanted on which clients come to us: whatever of it the program does not listen on any more has to go. */
  readonly vacate: (question: { readonly port: number }) => void;
  /** A TCP socket is to be connected. */
  readonly connect: (question: SocketQuestion) => SocketAnswer | Promise<SocketAnswer>;
  /** A UDP socket is to be connected to a name server, or to send to it. */
  readonly resolve: (question: SocketQuestion) => SocketAnswer | Promise<SocketAnswer>;
  /** A UDP socket is to get a port. */
  readonly bind: (question: SocketQuestion) => SocketAnswer | Promise<SocketAnswer>;
}

export interface TrapNotices {
  readonly listening: (notice: ListeningNotice) => void;
  /** No "listening" comes for this number: the call failed, or its process shares a listener that there is already. */
  readonly forgone: (notice: { readonly listener: number }) => void;
  /** A program dissolves the connection of a TCP socket, or the attempt at one. */
  readonly dissolved: (notice: { readonly cookie: SocketCookie }) => void;
  /** A call was refused because it could not be supervised. */
  readonly refused: (notice: RefusedNotice) => void;
  /** A program of another architecture, whose calls would go round us, was killed at its first one. */
  readonly foreign: (notice: { readonly executable: string; readonly pid: number }) => void;
}

export type TrapDecisions = TrapQuestions & TrapNotices;

/** The process that makes the call. */
interface Caller {
  readonly pid: number;
  /** Path of the program it runs; '' if it cannot be told. */
  readonly executable: string;
}

export interface ListenQuestion extends Caller {
  /** Numeric: 0.0.0.0 and :: are every address. */
  readonly address: string;
  readonly port: number;
  /** The user who made the socket; who listens on it may be another by now. */
  readonly owner: number;
}

export type ListenAnswer =
  /** Clients are to come to us; `listener` is the number under which "listening" tells of it. */
  | { readonly action: 'wrap'; readonly listener: number }
  /** No TLS on this port. */
  | { readonly action: 'plain' }
  | { readonly action: 'deny'; readonly errno: number };

/** A listener is wrapped. */
export interface ListeningNotice {
  readonly listener: number;
  /** Where clients come to; the receiver's to close, after `listenerGone`. */
  readonly fd: number;
  /** SO_COOKIE of the program's listener in the private network. */
  readonly cookie: number;
}

/** About one socket and an address; `fd` is a duplicate of it, the receiver's to close. */
export interface SocketQuestion {
  /** Who asks, and under which number (SupervisorEvent). */
  readonly supervisor: number;
  readonly question: number;
  readonly cookie: SocketCookie;
  /** Thread that calls. */
  readonly thread: number;
  /** Process that the thread belongs to; 0 if it is gone. */
  readonly process: number;
  /** The program's own number of the socket. */
  readonly descriptor: number;
  readonly fd: number;
  readonly ipv6: boolean;
  readonly blocking: boolean;
  /** ms after which a blocking call is to return EINPROGRESS (SO_SNDTIMEO, socket(7)); 0: never. */
  readonly patience: number;
  /** The socket is in another network namespace than this process. */
  readonly elsewhere: boolean;
  /** It is in the program's private network. */
  readonly inside: boolean;
  /** It is to send there, and not to be connected. */
  readonly sends: boolean;
  /** It is an MPTCP socket. */
  readonly multipath: boolean;
  readonly destination: AddressBytes;
  /** The same, readable. */
  readonly address: string;
  readonly port: number;
}

export type SocketAnswer =
  /** It returns 0. */
  | { readonly action: 'finish' }
  /** The kernel does it, a connection to the address of the question. */
  | { readonly action: 'proceed' }
  /** The socket is connected by now: 0 to the first call after it came about, then EISCONN. */
  | { readonly action: 'connected' }
  /** A TCP socket takes the place of the MPTCP one, and the question comes again. */
  | { readonly action: 'replace' }
  /** This one, taken over, takes the place of a UDP socket, and the question comes again. */
  | { readonly action: 'substitute'; readonly fd: number }
  /** As if a signal had come: EINTR, or a restart as the program's handler says. */
  | { readonly action: 'interrupt' }
  | { readonly action: 'fail'; readonly errno: number };

export interface RefusedNotice extends Caller {
  /** The system call. */
  readonly call: string;
  readonly reason: string;
  /** What kept it from being supervised, if that was an error; the program got EACCES. */
  readonly errno: number;
}
