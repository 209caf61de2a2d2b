/**
 * Raw stream sockets, by descriptor number: what Node's own `net` cannot do (passing descriptors, knowing the peer
 * process, leaving bytes unread). Needs no engine threads. Nothing here blocks.
 *
 * Every failure is a TlspoolError with the errno's name as `code` and its number as `wire`.
 */
import { constants } from 'node:os';
import { TlspoolError } from '../errors.ts';
import { loadNative } from './native.ts';

export interface ListenTcpOptions {
  /** Connections that may wait to be accepted; 511 unless told. */
  readonly backlog?: number;
  /** SO_REUSEPORT: several processes share the port. */
  readonly reusePort?: boolean;
  /** `::` takes IPv4 connections too unless this is set. */
  readonly ipv6Only?: boolean;
}

export interface Received {
  /** 0 is the end of the stream. */
  readonly bytes: number;
  /** Close-on-exec, owned by the caller. On a stream they came with the first of these bytes. */
  readonly fds: number[];
  /** Descriptors were lost: our limit of open files was reached, or there were more than the kernel passes at once. */
  readonly truncated: boolean;
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; empty where the kernel does not tell. */
  readonly groups: readonly number[];
  /** Path of the program it runs; undefined if it is gone or may not be read. */
  readonly executable: string | undefined;
  /** systemd unit of the system that it is in; '' if there is none to tell. */
  readonly unit: string;
  /** Clock ticks from the start of the system to that of the process, which with the pid names it; 0 if it is gone. */
  readonly started: number;
}

export interface SocketAddress {
  /** Numeric; for UNIX sockets the path, '' if unnamed, a leading NUL for the abstract space. */
  readonly address: string;
  /** 0 for UNIX sockets. */
  readonly port: number;
}

export interface SocketAddresses {
  readonly family: 'ipv4' | 'ipv6' | 'unix' | 'other';
  readonly local?: SocketAddress;
  /** Absent while not connected. */
  readonly remote?: SocketAddress;
}

export interface Interest {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

export interface Readiness {
  readonly readable: boolean;
  readonly writable: boolean;
}

interface SocketFunctions {
  socketPair(): [number, number];
  listenUnix(path: string, backlog: number): number;
  listenDatagram(path: string): number;
  messagePair(): [number, number];
  bindUdp(host: string, port: number, ipv6Only: boolean): number;
  bindBeside(fd: number): number;
  connectUdp(fd: number, host: string, port: number): void;
  peekSender(fd: number): SocketAddress | undefined;
  connectUnix(path: string): number;
  listenTcp(
    host: string,
    port: number,
    backlog: number,
    reusePort: boolean,
    ipv6Only: boolean,
  ): number;
  connectTcp(address: string, port: number): number;
  accept(listener: number): number | undefined;
  receive(fd: number, buffer: Uint8Array, offset: number): Received | number | undefined;
  peek(fd: number, buffer: Uint8Array): number | undefined;
  send(fd: number, buffer: Uint8Array, passFd: number): number | undefined;
  sniffDns(): number;
  nextPacket(fd: number, buffer: Uint8Array): number | undefined;
  closeFd(fd: number): void;
  resetFd(fd: number): void;
  shutdownFd(fd: number, how: number): void;
  duplicate(fd: number): number;
  setNonBlocking(fd: number, on: boolean): void;
  setCloseOnExec(fd: number, on: boolean): void;
  socketError(fd: number): number;
  peerCredentials(fd: number): PeerCredentials;
  socketAddresses(fd: number): SocketAddresses;
  internetAddress(fd: number, remote: boolean): string;
  watchStart(
    fd: number,
    readable: boolean,
    writable: boolean,
    ready: (readable: boolean, writable: boolean) => void,
  ): number;
  watchUpdate(id: number, readable: boolean, writable: boolean): void;
  watchClose(id: number): void;
  watchRef(id: number): void;
  watchUnref(id: number): void;
}

let loaded: SocketFunctions | undefined;

function call<Result>(use: (native: SocketFunctions) => Result): Result {
  loaded ??= loadNative<SocketFunctions>();
  try {
    return use(loaded);
  } catch (error) {
    throw fromErrno(error);
  }
}

/** Errors of the addon carry the errno's name as `code`; others (wrong argument types) are programming mistakes. */
export function fromErrno(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const number = (constants.errno as Readonly<Record<string, number>>)[code ?? ''];
  return number === undefined
    ? error
    : new TlspoolError(code ?? '', message, { wire: number, cause: error });
}

/** A connected pair of UNIX stream sockets, both blocking for who reads them otherwise. */
export function socketPair(): [number, number] {
  return call((native) => native.socketPair());
}

/** A connected pair of UNIX sockets that keep the boundaries of messages (SOCK_SEQPACKET), both blocking. */
export function messagePair(): [number, number] {
  return call((native) => native.messagePair());
}

/** A non-blocking UDP socket on a numeric address; port 0 takes a free one (see `socketAddresses`). */
export function bindUdp(host: string, port: number, { ipv6Only = false } = {}): number {
  return call((native) => native.bindUdp(host, port, ipv6Only));
}

/** Another socket at the same place as a UDP socket of `bindUdp`: each datagram comes to one of those not connected. */
export function bindBeside(fd: number): number {
  return call((native) => native.bindBeside(fd));
}

/** Connects a UDP socket to a numeric address: it hears that peer only, from now on, and what it holds already. */
export function connectUdp(fd: number, address: string, port: number): void {
  call((native) => native.connectUdp(fd, address, port));
}

/** Who sent the next datagram, which stays where it is; undefined: none is there now. */
export function peekSender(fd: number): SocketAddress | undefined {
  return call((native) => native.peekSender(fd));
}

/** A non-blocking listener. The path must be free; EADDRINUSE says that it is not. */
export function listenUnix(path: string, backlog: number): number {
  return call((native) => native.listenUnix(path, backlog));
}

/** A non-blocking UNIX datagram socket at a path that must be free; `receive` takes one datagram at a time. */
export function listenDatagram(path: string): number {
  return call((native) => native.listenDatagram(path));
}

/** Connected at once, or ECONNREFUSED, ENOENT, …; EAGAIN when the listener's queue is full. */
export function connectUnix(path: string): number {
  return call((native) => native.connectUnix(path));
}

/** A non-blocking listener on a numeric address; port 0 takes a free one (see `socketAddresses`). */
export function listenTcp(host: string, port: number, options: ListenTcpOptions = {}): number {
  const { backlog = 511, reusePort = false, ipv6Only = false } = options;
  return call((native) => native.listenTcp(host, port, backlog, reusePort, ipv6Only));
}

/** Starts connecting to a numeric address: watch it until writable, then `socketError` tells the outcome. */
export function connectTcp(address: string, port: number): number {
  return call((native) => native.connectTcp(address, port));
}

/** The next connection, close-on-exec and non-blocking; undefined: none now. */
export function accept(listener: number): number | undefined {
  return call((native) => native.accept(listener));
}

/** Reads into `buffer` from `offset` on, with the descriptors that came along; undefined: nothing there now. */
export function receive(fd: number, buffer: Uint8Array, offset: number): Received | undefined {
  const received = call((native) => native.receive(fd, buffer, offset));
  return typeof received === 'number' ? { bytes: received, fds: [], truncated: false } : received;
}

/** Bytes that are there, copied into `buffer` and left where they are; 0: the end; undefined: nothing there now. */
export function peek(fd: number, buffer: Uint8Array): number | undefined {
  return call((native) => native.peek(fd, buffer));
}

/** Bytes taken, the descriptor going with the first of them; undefined: nothing fits now. */
export function send(fd: number, buffer: Uint8Array, passFd = -1): number | undefined {
  return call((native) => native.send(fd, buffer, passFd));
}

/**
 * A socket from which every UDP packet from and to port 53 is read, behind its IP header, before the socket that it is
 * meant for has it. EPERM without CAP_NET_RAW.
 */
export function sniffDns(): number {
  return call((native) => native.sniffDns());
}

/** Bytes of the next packet, put at the start of `buffer`; undefined: none there now. */
export function nextPacket(fd: number, buffer: Uint8Array): number | undefined {
  return call((native) => native.nextPacket(fd, buffer));
}

export function closeFd(fd: number): void {
  call((native) => native.closeFd(fd));
}

/** Closes it so that the other side sees its connection cut off (TCP), not its end. */
export function resetFd(fd: number): void {
  call((native) => native.resetFd(fd));
}

export function shutdownFd(fd: number, how: 'read' | 'write' | 'both'): void {
  call((native) => native.shutdownFd(fd, ['read', 'write', 'both'].indexOf(how)));
}

/** Another number, above 2 and close-on-exec, for the same open socket. */
export function duplicate(fd: number): number {
  return call((native) => native.duplicate(fd));
}

/** O_NONBLOCK belongs to the open socket: every duplicate, in other processes too, changes with it. */
export function setNonBlocking(fd: number, on: boolean): void {
  call((native) => native.setNonBlocking(fd, on));
}

export function setCloseOnExec(fd: number, on: boolean): void {
  call((native) => native.setCloseOnExec(fd, on));
}

/** The pending error (SO_ERROR) as an errno number, which is cleared by asking; 0: none. */
export function socketError(fd: number): number {
  return call((native) => native.socketError(fd));
}

/** Who connected (SO_PEERCRED). UNIX sockets only. */
export function peerCredentials(fd: number): PeerCredentials {
  return call((native) => native.peerCredentials(fd));
}

export function socketAddresses(fd: number): SocketAddresses {
  return call((native) => native.socketAddresses(fd));
}

/** One end of an IPv4 or IPv6 socket, as `192.0.2.1:4711` or `[2001:db8::1]:4711`; '' for all else, and while not connected. */
export function internetAddress(fd: number, end: 'local' | 'remote'): string {
  return call((native) => native.internetAddress(fd, end === 'remote'));
}

/**
 * Calls back, on Node's event loop, while the descriptor is ready for what the interest names; an error of the
 * descriptor shows as ready. libuv makes the descriptor non-blocking and knows one watch per number: close the watch
 * first, then the descriptor.
 */
export function watch(fd: number, interest: Interest, callback: (ready: Readiness) => void): Watch {
  return new Watch(fd, interest, callback);
}

export class Watch {
  readonly #id: number;

  /** Use `watch`. */
  constructor(fd: number, interest: Interest, callback: (ready: Readiness) => void) {
    this.#id = call((native) =>
      native.watchStart(
        fd,
        interest.readable ?? false,
        interest.writable ?? false,
        (readable, writable) => callback({ readable, writable }),
      ),
    );
  }

  /** Replaces the interest. */
  update(interest: Interest): void {
    call((native) =>
      native.watchUpdate(this.#id, interest.readable ?? false, interest.writable ?? false),
    );
  }

  /** No callback comes after this. */
  close(): void {
    call((native) => native.watchClose(this.#id));
  }

  /** Keeps the process alive while watching (as it does from the start). */
  ref(): void {
    call((native) => native.watchRef(this.#id));
  }

  unref(): void {
    call((native) => native.watchUnref(this.#id));
  }
}
