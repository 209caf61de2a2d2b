import type { PoolConnection, StartTlsRequest } from '../../client/index.ts';
import { closeFd, socketAddresses } from '../engine/sockets.ts';
import { serverRequest } from './carriers.ts';
import type { Endpoint } from './endpoint.ts';
import type { Carry } from './intake.ts';
import { sourceOf } from './source.ts';
import { connectForDatagrams } from './target.ts';
import type { ClientTerms, ServerTerms, Terms } from './terms.ts';

/** ms from the first datagram to both sockets being the pool's. */
const handOverTimeout = 30_000;

/** As for streams, with DTLS: each client, or program that sends something, has a session of its own. */
export function datagramCarrier(terms: Terms, connect: Endpoint): Carry {
  return terms.role === 'client' ? clientCarrier(terms, connect) : serverCarrier(terms, connect);
}

/**
 * Handshakes on their way with one source. Somebody there who has to wait is served when it repeats itself, a second
 * later; and one host with all its ports and addresses leaves room for others.
 */
const mostOfOneSource = 256;

function serverCarrier(terms: ServerTerms, target: Endpoint): Carry {
  const request = serverRequest(terms);
  const underway = new Map<string, number>();
  return async (pool, fd, hello) => {
    const source = sourceOf(socketAddresses(fd).remote?.address ?? '');
    const others = underway.get(source) ?? 0;
    if (others >= mostOfOneSource) {
      closeFd(fd);
      return;
    }
    underway.set(source, others + 1);
    try {
      await pool.startTls({
        ...request,
        fd,
        hello,
        flags: { ...request.flags, dtls: true },
        plain: () => connectForDatagrams(target, handOverTimeout),
      });
    } finally {
      const left = (underway.get(source) ?? 1) - 1;
      if (left > 0) underway.set(source, left);
      else underway.delete(source);
    }
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
