import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { TlspoolError } from '../errors.ts';

/** ms until the server must have shown its certificate. */
const PATIENCE = 10_000;

/** The certificates that a TLS server shows, DER, leaf first; nothing is validated. @throws TlspoolError `no-certificate` */
export async function fetchChain(host: string, port: number): Promise<Buffer[]> {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const name = isIP(bare) === 0 ? { servername: bare } : {};
  // What it shows is looked at, not believed.
  const socket = connect({ host: bare, port, rejectUnauthorized: false, ...name });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(PATIENCE) });
    return chainOf(socket.getPeerCertificate(true));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlspoolError('no-certificate', `${host}:${port} shows no certificate: ${reason}`, {
      exit: 2,
      cause,
    });
  } finally {
    socket.destroy();
  }
}

/** Node links each certificate to its issuer, a root to itself. */
function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain = new Set<Buffer>();
  for (let at = leaf; at?.raw !== undefined && !chain.has(at.raw); at = at.issuerCertificate) {
    chain.add(at.raw);
  }
  return [...chain];
}
