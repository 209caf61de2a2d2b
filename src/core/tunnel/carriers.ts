import { hostname } from 'node:os';
import type { StartTlsOrder } from '../../client/start-tls.ts';
import { closeFd } from '../engine/sockets.ts';
import type { DataPlaces } from '../starttls/data-transfer.ts';
import { clientDialog, serverDialog } from '../starttls/dialogs.ts';
import { type IntroductionFacts, pass } from '../starttls/pass.ts';
import { behindProxies, noDialog } from '../starttls/prelude.ts';
import { writeProxyHeader } from '../starttls/proxy-protocol.ts';
import type { StartTlsTerms } from '../starttls/terms.ts';
import type { Endpoint } from './endpoint.ts';
import type { Carry } from './intake.ts';
import { connectTo } from './target.ts';
import type { ClientTerms, ServerTerms } from './terms.ts';

/** ms from the connection to both sockets being the pool's. */
const handOverTimeout = 30_000;
/** ms from the connection to the request for TLS. */
export const dialogTimeout = 60_000;

/**
 * Where the plaintext of a connection goes to. Called with the accepted socket before that is given away; what it
 * returns connects, later and perhaps never.
 */
export type Reach = (accepted: number) => () => number | Promise<number>;

/**
 * TLS comes in, plaintext goes to `target`, which is contacted only after the handshake and the checks of
 * the remote succeeded.
 * @param data where FTP's data connections are made; through this process if absent
 */
export function serverCarrier(
  terms: ServerTerms,
  target: Endpoint | Reach,
  data?: DataPlaces,
): Carry {
  const request = serverRequest(terms);
  const reach =
    typeof target === 'function' ? target : () => () => connectTo(target, handOverTimeout);
  const dialog = dialogOf(terms);
  if (dialog) {
    const introduce = introductionOf(terms);
    return async (pool, fd) => {
      const program = reach(fd);
      const order = { pool, dialog, fd, request, program, introduce, data, timeout: dialogTimeout };
      const { over } = await pass(order);
      // Its end, however it came, is nobody's concern here.
      over.catch(() => undefined);
    };
  }
  return async (pool, fd) => {
    await pool.startTls({ ...request, fd, plain: reach(fd) });
  };
}

/** What is said before TLS; undefined: nothing, in either direction. */
export function dialogOf({ startTls, proxies, proxyHeader }: ServerTerms) {
  if (!startTls && !proxies && !proxyHeader) return undefined;
  const inner = startTls ? serverDialog(startTls.protocol, startTls) : noDialog;
  return behindProxies(proxies, inner);
}

export function introductionOf({ proxyHeader }: ServerTerms) {
  if (!proxyHeader) return undefined;
  return ({ ends, who, details }: IntroductionFacts) => {
    const tls = details && { ...details, remoteId: who.remoteId };
    return writeProxyHeader(proxyHeader, ends, tls);
  };
}

/** Plaintext comes in; the pool speaks TLS to `server` for it. */
export function clientCarrier(terms: ClientTerms, server: Endpoint): Carry {
  if (terms.startTls) return startTlsClientCarrier(terms, terms.startTls, server);
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

function startTlsClientCarrier(
  terms: ClientTerms,
  { protocol, destination }: StartTlsTerms,
  server: Endpoint,
): Carry {
  const dialog = clientDialog(protocol, { ownName: hostname(), destination });
  const request = {
    role: 'client' as const,
    remoteId: terms.remoteId,
    localId: terms.localId,
    service: terms.service ?? protocol.service,
    alpn: terms.alpn.length > 0 ? terms.alpn : protocol.alpn,
    timeout: handOverTimeout,
  };
  return async (pool, accepted) => {
    let ours: number | undefined = accepted;
    try {
      const fd = await connectTo(server, handOverTimeout);
      const program = () => {
        ours = undefined;
        return accepted;
      };
      const { over } = await pass({ pool, dialog, fd, request, program, timeout: dialogTimeout });
      over.catch(() => undefined);
    } finally {
      if (ours !== undefined) closeFd(ours);
    }
  };
}

/** What a server asks of the pool for each connection. */
export function serverRequest(terms: ServerTerms): StartTlsOrder {
  return {
    role: 'server',
    localIds: terms.localIds,
    service: terms.service ?? terms.startTls?.protocol.service,
    alpn: terms.alpn.length > 0 ? terms.alpn : terms.startTls?.protocol.alpn,
    timeout: handOverTimeout,
    process: terms.process,
    flags: {
      ignoreRemoteId: terms.remote === 'ignore',
      requestRemoteId: terms.remote === 'request',
    },
  };
}
