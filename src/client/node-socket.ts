import { Socket } from 'node:net';
import { closeFd, duplicate, socketPair } from '../core/engine/sockets.ts';
import { TlspoolError } from '../core/errors.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { PoolConnection } from './pool-connection.ts';
import type { PoolSession } from './pool-session.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

export type SecureOptions = Omit<StartTlsRequest, 'fd' | 'plain'> & {
  /** The pool, or how to reach it; a connection that is made for this one session ends with it. */
  readonly pool?: PoolConnection | ConnectOptions | undefined;
};

/** A socket that has TLS on its other side. */
export interface Secured {
  /** Takes the place of the one that was given. */
  readonly socket: Socket;
  /** Who we are to the other side; '' if nobody. */
  readonly localId: string;
  /** Who the other side is, validated; '' if it did not have to show. */
  readonly remoteId: string;
  readonly session: PoolSession;
}

/**
 * Puts TLS on a connection: give the plain socket, get one back on which to read and write what TLS protects. The old
 * one is destroyed, whatever happens.
 *
 * The pool must get every byte of the other side's handshake, so a socket in whose buffer Node has some already is
 * refused with `already-read`. Make servers with `pauseOnConnect: true`; after a STARTTLS of the program's own protocol,
 * call this in the callback of the write that agrees to it.
 * @throws TlspoolError `already-read`, `still-writing`, `not-connected`, `already-tls`, and as the pool answers
 */
export async function starttls(socket: Socket, options: SecureOptions): Promise<Secured> {
  const { pool: given, ...request } = options;
  const { allowHalfOpen } = socket;
  let fd: number | undefined = takeDescriptor(socket);
  let ours: PoolConnection | undefined;
  try {
    const pool = given instanceof PoolConnection ? given : await connect(given ?? {});
    if (pool !== given) ours = pool;
    const cipher = fd;
    fd = undefined;
    const secured = await handOver(pool, cipher, allowHalfOpen, request);
    if (ours !== undefined) secured.socket.once('close', () => pool.close());
    return secured;
  } catch (error) {
    if (fd !== undefined) closeFd(fd);
    ours?.close();
    throw error;
  }
}

async function handOver(
  pool: PoolConnection,
  fd: number,
  allowHalfOpen: boolean,
  request: Omit<StartTlsRequest, 'fd' | 'plain'>,
): Promise<Secured> {
  let kept: number | undefined;
  try {
    const session = await pool.startTls({
      ...request,
      fd,
      plain: () => {
        const [mine, given] = socketPair();
        kept = mine;
        return given;
      },
    });
    if (kept === undefined) throw notConnected('the pool asked for no plaintext socket');
    const socket = new Socket({ fd: kept, allowHalfOpen });
    return { socket, localId: session.localId, remoteId: session.remoteId, session };
  } catch (error) {
    if (kept !== undefined) closeFd(kept);
    throw error;
  }
}

/** A duplicate of the socket's descriptor; the socket is destroyed, which closes its own. */
function takeDescriptor(socket: Socket): number {
  try {
    requireUntouched(socket);
    return duplicate(descriptorOf(socket));
  } finally {
    // The duplicate keeps the connection open.
    socket.destroy();
  }
}

/** Node has the number of a socket's descriptor, but no public way to tell it. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { readonly fd: number } | null };
  if (!socket.connecting && handle != null && handle.fd >= 0) return handle.fd;
  throw notConnected('the socket is not connected');
}

/** What is in Node's buffers would be lost. */
function requireUntouched(socket: Socket): void {
  if ('encrypted' in socket) throw new TlspoolError('already-tls', 'the socket has TLS already');
  if (socket.readableLength > 0) {
    throw new TlspoolError('already-read', 'Node has read from the socket what the pool needs', {
      hint: 'Pause it before the other side may send: pauseOnConnect for servers.',
    });
  }
  if (socket.writableLength > 0) {
    throw new TlspoolError('still-writing', 'the socket has data that is not written yet', {
      hint: 'Wait for the callback of the last write.',
    });
  }
}

function notConnected(message: string): TlspoolError {
  return new TlspoolError('not-connected', message);
}
