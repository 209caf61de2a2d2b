import { loadNative } from '../../engine/native.ts';
import { fromErrno } from '../../engine/sockets.ts';

/** A sockaddr as the kernel writes it: passed on, and written into a program's memory, without being taken apart. */
export type AddressBytes = Buffer;

/** What names an open socket, whichever process and number it is looked at through (SO_COOKIE). */
export type SocketCookie = bigint;

/** What a program set on its socket that would end the wait early. */
export interface SetAside {
  /** TCP_USER_TIMEOUT, ms. */
  readonly userTimeout: number;
  /** TCP_SYNCNT. */
  readonly synRetries: number;
}

/** A socket towards the real server, or why there is none: the errno, and what was being done. */
export type Upstream =
  | { readonly fd: number; readonly local: AddressBytes; readonly error?: undefined }
  | { readonly fd?: undefined; readonly error: number; readonly step: string };

/** A socket of the program waits, and another one is connecting to the real server. */
export interface Wait extends SetAside {
  /** Connecting, or connected; the receiver's to close. */
  readonly upstream: number;
  readonly connected: boolean;
  /** Where the program's socket waits. */
  readonly waiting: AddressBytes;
}

/** The errno of why a socket does not wait, and what was being done: as of `Upstream`, or `gate`. */
export interface NoWait {
  readonly upstream?: undefined;
  readonly error: number;
  readonly step: string;
}

/** A socket of the program, as a thread of it has it. */
export interface ProgramSocket {
  readonly thread: number;
  /** Its number there. */
  readonly descriptor: number;
  readonly cookie: SocketCookie;
}

/**
 * What a waiting socket can reach. IPv4 by way of an IPv6 socket (`mapped`) is a kind of its own: the kernel does not let a
 * socket that is bound to such an address connect to ::1, which need not be there at all.
 */
export type GateKind = keyof typeof gateHosts;

const gateHosts = { ipv4: '127.0.0.1', ipv6: '::1', mapped: '::ffff:127.0.0.1' } as const;

interface GateFunctions {
  gateOpen(host: string): number;
  gateHold(gate: number, fd: number): number;
  gateComplete(gate: number, waiting: AddressBytes): number;
  gateMeets(gate: number, fd: number): boolean;
  gateHolds(gate: number, cookie: SocketCookie, waiting: AddressBytes): boolean;
  connectLike(model: number, destination: AddressBytes): Upstream;
  waitAtGate(
    gate: number,
    fd: number,
    cookie: SocketCookie,
    destination: AddressBytes,
  ): Wait | NoWait;
  metAtGate(
    gate: number,
    end: number,
    thread: number,
    descriptor: number,
    cookie: SocketCookie,
    userTimeout: number,
    synRetries: number,
  ): boolean;
  prepareToWait(fd: number): SetAside;
  putBack(fd: number, userTimeout: number, synRetries: number): void;
  isConnected(fd: number): boolean;
  localAddressBytes(fd: number): AddressBytes;
  fetchSocket(thread: number, descriptor: number, cookie: SocketCookie): number | undefined;
  outgoingRemember(cookie: SocketCookie, local: AddressBytes, remote: AddressBytes): void;
  outgoingFail(cookie: SocketCookie, errno: number): void;
  outgoingTakeError(cookie: SocketCookie): number;
  outgoingForget(cookie: SocketCookie): void;
  outgoingSweep(): number;
  connectSocket(fd: number, address: AddressBytes): number;
  bindSocket(fd: number, address: AddressBytes): number;
}

let loaded: GateFunctions | undefined;

function call<Result>(use: (functions: GateFunctions) => Result): Result {
  loaded ??= loadNative<GateFunctions>();
  try {
    return use(loaded);
  } catch (error) {
    throw fromErrno(error);
  }
}

/**
 * Where a program's connecting socket waits, in SYN_SENT, until TLS with the real server is settled: a local listener
 * that never sees a SYN (src/native/gate/gate.h). One for each kind of address is enough for a process.
 */
export class Gate {
  readonly #number: number;

  constructor(kind: GateKind) {
    this.#number = call(({ gateOpen }) => gateOpen(gateHosts[kind]));
  }

  /** For the engine's threads. */
  get number(): number {
    return this.#number;
  }

  /** Lets a socket wait; 0, or the errno of why it does not. What it was bound to stays so. */
  hold(fd: number): number {
    return call(({ gateHold }) => gateHold(this.#number, fd));
  }

  /**
   * Starts connecting to `destination` as the socket `fd` would, lets that wait, and remembers what the program is to be
   * told of it (`outgoing`). What it was bound to stays so.
   */
  wait(fd: number, cookie: SocketCookie, destination: AddressBytes): Wait | NoWait {
    return call(({ waitAtGate }) => waitAtGate(this.#number, fd, cookie, destination));
  }

  /**
   * Whether `end` and the program's socket have met already, and what was set aside is put back. false: it cannot be told
   * now, nor that way.
   */
  haveMet(end: number, { thread, descriptor, cookie }: ProgramSocket, aside: SetAside): boolean {
    const { userTimeout, synRetries } = aside;
    return call(({ metAtGate }) =>
      metAtGate(this.#number, end, thread, descriptor, cookie, userTimeout, synRetries),
    );
  }

  /**
   * The other end for the socket that waits with the local address `waiting`: connected, or writable soon (then
   * `socketError` tells the outcome). To be trusted only if the waiting socket `meets` the gate afterwards.
   */
  complete(waiting: AddressBytes): number {
    return call(({ gateComplete }) => gateComplete(this.#number, waiting));
  }

  /** Whether the socket is connected, and to this gate. */
  meets(fd: number): boolean {
    return call(({ gateMeets }) => gateMeets(this.#number, fd));
  }

  /**
   * Whether the socket that waits, or waited, with that local address is there still, whoever has it by now: programs
   * pass sockets on. Fails where that cannot be told, as with EMFILE.
   */
  holds(cookie: SocketCookie, waiting: AddressBytes): boolean {
    return call(({ gateHolds }) => gateHolds(this.#number, cookie, waiting));
  }
}

/** Starts connecting with a new socket that has what the program set on `model` and the network can tell. */
export function connectLike(model: number, destination: AddressBytes): Upstream {
  return call((functions) => functions.connectLike(model, destination));
}

/** Makes a socket fit to wait: not bound to a device, no TCP Fast Open, no limit of its own. Fails with EPERM. */
export function prepareToWait(fd: number): SetAside {
  return call((functions) => functions.prepareToWait(fd));
}

/** After the wait. */
export function putBack(fd: number, { userTimeout, synRetries }: SetAside): void {
  call((functions) => functions.putBack(fd, userTimeout, synRetries));
}

/** Whether a socket has a peer (getpeername(2)). */
export function isConnected(fd: number): boolean {
  return call((functions) => functions.isConnected(fd));
}

export function localAddressBytes(fd: number): AddressBytes {
  return call((functions) => functions.localAddressBytes(fd));
}

/** A duplicate of a program's socket, the caller's to close; undefined if the task does not have it any more. */
export function fetchSocket(
  thread: number,
  descriptor: number,
  cookie: SocketCookie,
): number | undefined {
  return call((functions) => functions.fetchSocket(thread, descriptor, cookie));
}

/** connect(2) on a duplicate, which must not block; 0 or the errno. */
export function connectSocket(fd: number, address: AddressBytes): number {
  return call((functions) => functions.connectSocket(fd, address));
}

/** bind(2) on a duplicate; 0 or the errno. */
export function bindSocket(fd: number, address: AddressBytes): number {
  return call((functions) => functions.bindSocket(fd, address));
}

/** What the supervisor's threads tell the program of its connecting sockets without asking here. */
export const outgoing = {
  /** getsockname() and getpeername() tell these from now on. */
  remember(cookie: SocketCookie, local: AddressBytes, remote: AddressBytes): void {
    call((functions) => functions.outgoingRemember(cookie, local, remote));
  },
  /** The next question for SO_ERROR is answered with this errno. */
  fail(cookie: SocketCookie, errno: number): void {
    call((functions) => functions.outgoingFail(cookie, errno));
  },
  /** The errno that the program was not told yet, once; 0: none. */
  takeError(cookie: SocketCookie): number {
    return call((functions) => functions.outgoingTakeError(cookie));
  },
  forget(cookie: SocketCookie): void {
    call((functions) => functions.outgoingForget(cookie));
  },
  /** Forgets sockets that are no more; how many are left. */
  sweep(): number {
    return call((functions) => functions.outgoingSweep());
  },
};
