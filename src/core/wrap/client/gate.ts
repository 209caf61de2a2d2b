import { constants } from 'node:os';
import { loadNative } from '../../engine/native.ts';
import { TlspoolError } from '../../errors.ts';

/** A sockaddr as the kernel writes it: passed on, and written into a program's memory, without being taken apart. */
export type AddressBytes = Buffer;

/** What names an open socket, whichever process and number it is looked at through (SO_COOKIE); 0n: no socket. */
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

interface GateFunctions {
  gateOpen(ipv6: boolean): number;
  gateHold(gate: number, fd: number): number;
  gateComplete(gate: number, waiting: AddressBytes): number;
  gateMeets(gate: number, fd: number): boolean;
  connectLike(model: number, destination: AddressBytes): Upstream;
  prepareToWait(fd: number): SetAside;
  putBack(fd: number, userTimeout: number, synRetries: number): void;
  socketCookie(fd: number): SocketCookie;
  localAddressBytes(fd: number): AddressBytes;
}

let loaded: GateFunctions | undefined;

function native(): GateFunctions {
  loaded ??= loadNative<GateFunctions>();
  return loaded;
}

function call<Result>(use: (functions: GateFunctions) => Result): Result {
  try {
    return use(native());
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const wire = (constants.errno as Readonly<Record<string, number>>)[code];
    throw wire === undefined ? error : new TlspoolError(code, message, { wire, cause: error });
  }
}

/**
 * Where a program's connecting socket waits, in SYN_SENT, until TLS with the real server is settled: a local listener
 * that never sees a SYN (src/native/gate/gate.h). One for each family is enough for a process.
 */
export class Gate {
  readonly #number: number;

  constructor(family: 'ipv4' | 'ipv6') {
    this.#number = call(({ gateOpen }) => gateOpen(family === 'ipv6'));
  }

  /** Lets a socket wait; 0, or the errno of why it does not. What it was bound to stays so. */
  hold(fd: number): number {
    return call(({ gateHold }) => gateHold(this.#number, fd));
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

export function socketCookie(fd: number): SocketCookie {
  return call((functions) => functions.socketCookie(fd));
}

export function localAddressBytes(fd: number): AddressBytes {
  return call((functions) => functions.localAddressBytes(fd));
}
