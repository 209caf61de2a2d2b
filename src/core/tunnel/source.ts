import { parseClientAddress } from '../authz/address-prefix.ts';

/**
 * Where a limit finds a client again: its IPv4 address, or the 64 bits of its IPv6 network, as whoever has one address
 * there may take as many as it likes (RFC 4291 section 2.5.1). Equal ones are the same text.
 * @param address numeric, as sockets have it
 */
export function sourceOf(address: string): string {
  const words = parseClientAddress(address.replace(/%.*$/, ''));
  if (words === undefined) return address;
  const [first, second, third, fourth] = words;
  const isIpv4 = first === 0 && second === 0 && third === 0xffff;
  return isIpv4 ? `IPv4 ${fourth}` : `IPv6 ${first} ${second}`;
}
