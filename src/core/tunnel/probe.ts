import type { Engine } from '../engine/engine.ts';
import type { ClosedEvent, VerifyPeerEvent } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { describe } from '../session/outcome.ts';
import { formatEndpoint, isAddress, type TcpEndpoint } from './endpoint.ts';
import { connectTo } from './target.ts';

/**
 * What a server shows, found out by a handshake that goes no further. The server hears user_canceled.
 * @param serverName for SNI; undefined: none is sent
 * @throws TlspoolError `target-…`, `no-certificate-shown`
 */
export async function probeServer(
  engine: Engine,
  target: TcpEndpoint,
  serverName: string | undefined,
  timeout: number,
): Promise<VerifyPeerEvent> {
  const fd = await connectTo(target, timeout);
  return new Promise((resolve, reject) => {
    const id = engine.open(
      {
        fd,
        role: 'client',
        handshakeTimeout: timeout,
        idleTimeout: 0,
        local: { credentials: [] },
        serverName: serverName === undefined || isAddress(serverName) ? undefined : serverName,
        alpn: [],
        peer: 'require',
      },
      {
        verifyPeer: (event) => {
          resolve(event);
          engine.refuse(id, 'user_canceled', 'only looking');
        },
        established: () => engine.close(id, 'abort'),
        closed: (event) => reject(failure(target, event)),
      },
    );
  });
}

function failure(target: TcpEndpoint, { failure: why, reason }: ClosedEvent): TlspoolError {
  return new TlspoolError(
    'no-certificate-shown',
    `${formatEndpoint(target)} shows no certificate: ${describe(why) ?? reason}`,
    { hint: 'Does it speak TLS from the first byte on? STARTTLS is not tried.', exit: 2 },
  );
}
