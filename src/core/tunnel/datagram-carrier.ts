import type { PoolConnection, StartTlsRequest } from '../../client/index.ts';
import { closeFd } from '../engine/sockets.ts';
import { serverRequest } from './carriers.ts';
import type { Endpoint } from './endpoint.ts';
import type { Carry } from './intake.ts';
import { connectForDatagrams } from './target.ts';
import type { ClientTerms, ServerTerms, Terms } from './terms.ts';

/** ms from the first datagram to both sockets being the pool's. */
const handOverTimeout = 30_000;

/** As for streams, with DTLS: each peer that sends something has a session of its own. */
export function datagramCarrier(terms: Terms, connect: Endpoint): Carry {
  return terms.role === 'client' ? clientCarrier(terms, connect) : serverCarrier(terms, connect);
}

function serverCarrier(terms: ServerTerms, target: Endpoint): Carry {
  const ask = serverRequest(terms);
  return async (pool, fd) => {
    const request = ask(fd);
    await pool.startTls({
      ...request,
      flags: { ...request.flags, dtls: true },
      plain: () => connectForDatagrams(target, handOverTimeout),
    });
  };
}

function clientCarrier(terms: ClientTerms, server: Endpoint): Carry {
  const { remoteId, localId, service, alpn } = terms;
  const constant = { role: 'client', remoteId, localId, service, alpn } as const;
  return async (pool: PoolConnection, accepted: number) => {
    let ours: number | undefined = accepted;
    try {
      const request: StartTlsRequest = {
        ...constant,
        fd: await connectForDatagrams(server, handOverTimeout),
        flags: { dtls: true },
        timeout: handOverTimeout,
        plain: () => {
          ours = undefined;
          return accepted;
        },
      };
      await pool.startTls(request);
    } finally {
      if (ours !== undefined) closeFd(ours);
    }
  };
}
