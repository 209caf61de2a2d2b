import type { StartTlsOrder } from '../../../client/start-tls.ts';
import type { Goal } from './goal.ts';

/** What is asked of the pool for a connection, whichever way it comes there. */
export type Ask = Pick<StartTlsOrder, 'role' | 'remoteId' | 'service' | 'timeout' | 'process'>;

/** What is the same for all connections. */
export interface AskTerms {
  /** IANA service name for rules about access; undefined: what the port is for. */
  readonly service: string | undefined;
  /** ms from the connection to the end of the handshake. */
  readonly handshakeTimeout: number;
}

export function askFor(
  { treatment, remoteId, process }: Goal,
  { service = treatment.service, handshakeTimeout: timeout }: AskTerms,
): Ask {
  return { role: 'client', remoteId, service, timeout, process };
}
