import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { PoolConnection, PoolSession, StartTlsRequest } from '../../../src/client/index.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { event, within } from '../../patience.ts';
import type { Pool } from './pool.ts';

/** A server's connection in the hands of the pool: the program's plaintext end, and the client's of Node's own TLS. */
export interface HandedOver extends Disposable {
  readonly session: PoolSession;
  readonly plain: Socket;
  readonly tls: TLSSocket;
  /** The next data that the client gets. */
  heard(): Promise<Buffer>;
  /** Resolves with true when the client's connection has ended. */
  ended(): Promise<true>;
}

/** Both ends of a connection, by descriptor. */
export interface ConnectedPair {
  readonly ours: number;
  readonly theirs: number;
}

function unixPair(): ConnectedPair {
  const [ours, theirs] = sockets.socketPair();
  return { ours, theirs };
}

/** Over loopback, so that the other side has an address: `127.0.0.1:PORT`. */
export async function tcpPair(): Promise<ConnectedPair & { readonly peer: string }> {
  const listener = sockets.listenTcp('127.0.0.1', 0);
  try {
    const { local } = sockets.socketAddresses(listener);
    const theirs = sockets.connectTcp('127.0.0.1', local?.port ?? 0);
    for (let waited = 0; waited < 10_000; waited += 1) {
      const ours = sockets.accept(listener);
      if (ours === undefined) {
        await pause(1);
        continue;
      }
      return { ours, theirs, peer: `127.0.0.1:${sockets.socketAddresses(ours).remote?.port}` };
    }
    throw new Error('nobody connected');
  } finally {
    sockets.closeFd(listener);
  }
}

export async function handedOver(
  program: PoolConnection,
  pool: Pool,
  name: string,
  request: Partial<StartTlsRequest> = {},
  pair: ConnectedPair = unixPair(),
): Promise<HandedOver> {
  const { ours, theirs } = pair;
  const [kept, given] = sockets.socketPair();
  const tls = connectTls({
    socket: new Socket({ fd: theirs }),
    servername: name,
    ca: readFileSync(pool.caFile),
  });
  // It may take as long as the pool takes, which may be a person's time.
  const secure = once(tls, 'secureConnect');
  tls.on('error', () => tls.destroy());
  secure.catch(() => undefined);
  let session: PoolSession;
  try {
    session = await program.startTls({
      fd: ours,
      role: 'server',
      localId: name,
      flags: { ignoreRemoteId: true },
      plain: () => given,
      ...request,
    });
  } catch (error) {
    for (const fd of [kept, given]) sockets.closeFd(fd);
    tls.destroy();
    throw error;
  }
  await within('the handshake of the client', secure);
  const plain = new Socket({ fd: kept, allowHalfOpen: true });
  plain.on('error', () => plain.destroy());
  return {
    session,
    plain,
    tls,
    heard: async () => (await event(tls, 'data'))[0] as Buffer,
    ended: async () => {
      if (!tls.closed) await event(tls.resume(), 'close');
      return true;
    },
    [Symbol.dispose]: () => {
      plain.destroy();
      tls.destroy();
    },
  };
}
