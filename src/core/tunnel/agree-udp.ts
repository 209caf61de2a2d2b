import { UsageError } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import type { GivenTerms } from './terms.ts';

/** Whether a tunnel is one for datagrams. @throws UsageError for what does not go with that */
export function agreeUdp(udp: boolean, given: GivenTerms, connect: Endpoint): boolean {
  if (!udp) return false;
  if (connect.kind === 'unix') {
    throw new UsageError('datagrams go to an address and a port, not to a path');
  }
  if (given.startTls !== undefined || given.tlsOptional) {
    throw new UsageError('STARTTLS is for streams: leave out one of it and UDP');
  }
  if (given.proxyHeader !== undefined || given.proxies?.length) {
    throw new UsageError('PROXY headers are for streams: leave out one of them and UDP');
  }
  return true;
}
