/**
 * What Node programs import: `import { connect, starttls } from 'tlspool'`.
 *
 * `starttls` puts TLS on a `net.Socket`; `connect` gives the connection to the pool for everything else. Failures are
 * TlspoolErrors with a stable `code` and, from the pool, the number of the socket protocol in `wire`.
 */
export { TlspoolError } from '../core/errors.ts';
export type { SessionDetails } from '../core/protocol/extension.ts';
export type { InfoKind } from '../core/protocol/info.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { type Secured, type SecureOptions, starttls } from './node-socket.ts';
export {
  type InfoQuestion,
  type PingAnswer,
  PoolConnection,
  type PrngQuestion,
} from './pool-connection.ts';
export { PoolSession } from './pool-session.ts';
export type {
  Identities,
  RenewalRequest,
  StartTlsFlags,
  StartTlsRequest,
} from './start-tls-request.ts';
