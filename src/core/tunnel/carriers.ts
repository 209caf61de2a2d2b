import type { StartTlsRequest } from '../../client/index.ts';
import { closeFd } from '../engine/sockets.ts';
import type { Endpoint } from './endpoint.ts';
import type { Carry } from './intake.ts';
import { connectTo } from './target.ts';
import type { ClientTerms, ServerTerms } from './terms.ts';

/** ms from the connection to both sockets being the pool's. */
const handOverTimeout = 30_000;

/**
 * TLS comes in, plaintext goes to `target`, which is contacted only after the handshake and the checks of
 * the remote succeeded.
 */
export function serverCarrier(terms: ServerTerms, target: Endpoint): Carry {
  const ask = serverRequest(terms);
  return async (pool, fd) => {
    await pool.startTls({
      ...ask(fd),
      plain: () => connectTo(target, handOverTimeout),
    });
  };
}

/** Plaintext comes in; the pool speaks TLS to `server` for it. */
export function clientCarrier(terms: ClientTerms, server: Endpoint): Carry {
  return async (pool, accepted) => {
    let ours: number | undefined = accepted;
    try {
      const fd = await connectTo(server, handOverTimeout);
      await pool.startTls({
        fd,
        role: 'client',
        remoteId: terms.remoteId,
        localId: terms.localId,
        service: terms.service,
        alpn: terms.alpn,
        timeout: handOverTimeout,
        plain: () => {
          ours = undefined;
          return accepted;
        },
      });
    } finally {
      if (ours !== undefined) closeFd(ours);
    }
  };
}

/** What a server asks of the pool for the connection `fd`, but where the plaintext goes. */
export function serverRequest(terms: ServerTerms): (fd: number) => Omit<StartTlsRequest, 'plain'> {
  const constant = {
    role: 'server' as const,
    localIds: terms.localIds,
    service: terms.service,
    alpn: terms.alpn,
    timeout: handOverTimeout,
    flags: {
      ignoreRemoteId: terms.remote === 'ignore',
      requestRemoteId: terms.remote === 'request',
    },
  };
  return (fd) => ({ ...constant, fd });
}
