import type { Endpoint, ListenAddress } from './endpoint.ts';
import type { Terms } from './terms.ts';

/** One tunnel: what comes in at `accept` goes out at `connect`, with TLS on one of the two sides. */
export interface TunnelPlan {
  /** How messages call it; given only in files. */
  readonly name: string | undefined;
  readonly accept: ListenAddress;
  readonly connect: Endpoint;
  readonly terms: Terms;
  /** Datagrams, with DTLS, instead of streams. */
  readonly udp: boolean;
}
