import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { PoolConnection, PoolSession, StartTlsRequest } from '../../../src/client/index.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { event } from '../../patience.ts';
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

export async function handedOver(
  program: PoolConnection,
  pool: Pool,
  name: string,
  request: Partial<StartTlsRequest> = {},
): Promise<HandedOver> {
  const [ours, theirs] = sockets.socketPair();
  const [kept, given] = sockets.socketPair();
  const tls = connectTls({
    socket: new Socket({ fd: theirs }),
    servername: name,
    ca: readFileSync(pool.caFile),
  });
  const secure = event(tls, 'secureConnect');
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
  await secure;
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
