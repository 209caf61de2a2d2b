import type { PoolConnection, PoolSession, StartTlsRequest } from '../../../src/client/index.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';

/** Both ends of one TLS session, each in the hands of a pool. */
export interface BothSides extends Disposable {
  readonly server: PoolSession;
  readonly client: PoolSession;
}

type Request = Partial<StartTlsRequest>;

/** A server and a client meet; the server asks the client who it is, but does not insist. */
export async function bothSides(
  server: PoolConnection,
  client: PoolConnection,
  { serverRequest = {}, clientRequest = {} }: { serverRequest?: Request; clientRequest?: Request },
): Promise<BothSides> {
  const [ours, theirs] = sockets.socketPair();
  const kept: number[] = [];
  const plain = () => {
    const [mine, given] = sockets.socketPair();
    kept.push(mine);
    return given;
  };
  const answers = await Promise.allSettled([
    server.startTls({
      fd: ours,
      role: 'server',
      flags: { requestRemoteId: true },
      plain,
      ...serverRequest,
    }),
    client.startTls({ fd: theirs, role: 'client', plain, ...clientRequest }),
  ]);
  const close = () => {
    for (const fd of kept.splice(0)) sockets.closeFd(fd);
  };
  const [one, other] = answers;
  if (one.status === 'fulfilled' && other.status === 'fulfilled') {
    return { server: one.value, client: other.value, [Symbol.dispose]: close };
  }
  close();
  // The client's reason is the one that it was tried for.
  throw other.status === 'rejected' ? other.reason : (one as PromiseRejectedResult).reason;
}
