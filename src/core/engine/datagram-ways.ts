/**
 * Datagrams of a UDP socket that is not connected, with where each came from and to, so that an answer takes the same
 * way back. Failures are as those of sockets.ts.
 */
import { loadNative } from './native.ts';
import { fromErrno } from './sockets.ts';

/** Socket addresses as the kernel has them: equal ones are the same bytes. */
export interface DatagramWay {
  readonly remote: Buffer;
  /** Ours, with the socket's port: a host has several addresses. */
  readonly local: Buffer;
}

export interface ReceivedDatagram extends DatagramWay {
  /** Of the whole datagram: more than the buffer holds, where that was too small. */
  readonly bytes: number;
}

interface WayFunctions {
  tellWays(fd: number): void;
  receiveAny(fd: number, buffer: Uint8Array): ReceivedDatagram | undefined;
  sendBack(fd: number, buffer: Uint8Array, remote: Buffer, local: Buffer): boolean;
  connectWay(fd: number, remote: Buffer, local: Buffer): number;
}

let loaded: WayFunctions | undefined;

function call<Result>(use: (native: WayFunctions) => Result): Result {
  loaded ??= loadNative<WayFunctions>();
  try {
    return use(loaded);
  } catch (error) {
    throw fromErrno(error);
  }
}

/** A socket of `bindUdp` tells from now on where its datagrams come to, as `receiveAny` needs it. */
export function tellWays(fd: number): void {
  call((native) => native.tellWays(fd));
}

/** Puts the next datagram at the start of `buffer`; undefined: none is there now. */
export function receiveAny(fd: number, buffer: Uint8Array): ReceivedDatagram | undefined {
  return call((native) => native.receiveAny(fd, buffer));
}

/** Sends to where a datagram came from, from where it came to. @returns whether the socket took it */
export function sendBack(fd: number, data: Uint8Array, { remote, local }: DatagramWay): boolean {
  return call((native) => native.sendBack(fd, data, remote, local));
}

/**
 * Another socket, beside one of `bindUdp`, to which all comes that takes this way from now on. What came to it before
 * it was connected may be somebody else's.
 */
export function connectWay(fd: number, { remote, local }: DatagramWay): number {
  return call((native) => native.connectWay(fd, remote, local));
}
