import { canonicalAddress } from '../wrap/names/hosts-file.ts';
import { formatHostAndPort } from './endpoint.ts';

/**
 * An address with its port, spelt in the one way that compares: listeners for both families show IPv4 as ::ffff:192.0.2.1,
 * and programs may, too. undefined for what is none.
 */
export function canonicalPeer(text: string): string | undefined {
  const parts = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const host = canonicalAddress(parts?.six ?? parts?.four ?? '');
  const port = Number(parts?.port);
  if (host === undefined || port > 65_535) return undefined;
  return formatHostAndPort({ host, port });
}
