import type { PoolConnection, StartTlsRequest } from '../../client/index.ts';
import { closeFd, peek, socketAddresses } from '../engine/sockets.ts';
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

/**
 * Handshakes on their way with one address. Somebody behind it who has to wait is served when it repeats itself, a
 * second later; and one host with all its ports leaves room for others.
 */
const mostOfOneAddress = 256;

function serverCarrier(terms: ServerTerms, target: Endpoint): Carry {
  const request = serverRequest(terms);
  const underway = new Map<string, number>();
  return async (pool, fd) => {
    const address = socketAddresses(fd).remote?.address ?? '';
    const others = underway.get(address) ?? 0;
    if (others >= mostOfOneAddress || !beginsHandshake(fd)) {
      closeFd(fd);
      return;
    }
    underway.set(address, others + 1);
    try {
      await pool.startTls({
        ...request,
        fd,
        flags: { ...request.flags, dtls: true },
        plain: () => connectForDatagrams(target, handOverTimeout),
      });
    } finally {
      const left = (underway.get(address) ?? 1) - 1;
      if (left > 0) underway.set(address, left);
      else underway.delete(address);
    }
  };
}

/** Whether the datagram that waits is the beginning of a ClientHello (RFC 6347 sections 4.1 and 4.2.2). */
function beginsHandshake(fd: number): boolean {
  const start = Buffer.alloc(14);
  return (
    peek(fd, start) === start.length &&
    start[0] === handshake &&
    start.readUInt16BE(3) === firstEpoch &&
    start[13] === clientHello
  );
}

const handshake = 22;
const firstEpoch = 0;
const clientHello = 1;

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
