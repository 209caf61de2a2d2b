import { isIPv4, isIPv6 } from 'node:net';
import { UsageError } from '../errors.ts';

/** Where connections go to: a TCP address or name, or the path of a UNIX stream socket. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** An IPv4 or IPv6 address (no brackets) or a host name. */
  readonly host: string;
  readonly port: number;
}

export interface UnixEndpoint {
  readonly kind: 'unix';
  readonly path: string;
}

/** Where connections come from; port 0 lets the kernel choose. */
export interface ListenAddress {
  /** An address, a host name, or `*`: every address of the machine. */
  readonly host: string;
  readonly port: number;
}

/** `ADDR:PORT`, `[IPV6]:PORT`, `NAME:PORT`, or a path: whatever holds a slash. */
export function parseEndpoint(text: string): Endpoint {
  if (text.includes('/')) return { kind: 'unix', path: unixPath(text) };
  return parseTcp(text, 'ADDR:PORT or a path with a slash');
}

/** A server that is to be found by its name: `NAME:PORT`, `ADDR:PORT`, `[IPV6]:PORT`. */
export function parseServer(text: string): TcpEndpoint {
  return parseTcp(text, 'HOST:PORT, such as `www.example.com:443`');
}

function parseTcp(text: string, expected: string): TcpEndpoint {
  const { host, port } = parseHostAndPort(text, expected);
  if (host === '*' || port === 0) {
    throw new UsageError(
      `cannot connect to \`${text}\`: an address and a port from 1 to 65535 are needed`,
    );
  }
  return { kind: 'tcp', host, port };
}

/** `ADDR:PORT`, `[IPV6]:PORT`, `NAME:PORT`, `*:PORT`. */
export function parseListenAddress(text: string): ListenAddress {
  return parseHostAndPort(text, 'ADDR:PORT, [IPV6]:PORT or *:PORT');
}

export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? endpoint.path : formatHostAndPort(endpoint);
}

export function formatHostAndPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') && isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isAddress(host: string): boolean {
  return isIPv4(host) || isIPv6(host);
}

/** sun_path of unix(7) holds 108 bytes, the final NUL among them. */
const longestUnixPath = 107;

function unixPath(text: string): string {
  if (Buffer.byteLength(text) > longestUnixPath || text.includes('\0')) {
    throw new UsageError(
      `expected the path of a UNIX socket to have at most ${longestUnixPath} bytes, got \`${text}\``,
    );
  }
  return text;
}

function parseHostAndPort(text: string, expected: string): { host: string; port: number } {
  const parts = /^(?:\[(?<bracketed>[^\]]*)\]|(?<bare>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text);
  const host = parts?.groups?.bracketed ?? parts?.groups?.bare ?? '';
  const port = Number(parts?.groups?.port);
  const wellFormed = parts?.groups?.bracketed === undefined ? isAddressOrName(host) : isIPv6(host);
  if (!parts || !wellFormed || port > 65_535) {
    throw new UsageError(`expected ${expected}, got \`${text}\``);
  }
  return { host, port };
}

function isAddressOrName(host: string): boolean {
  if (host === '*' || isIPv4(host)) return true;
  // What looks like a mistyped IPv4 address (only digits and dots) is no name.
  const name = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/i;
  return name.test(host) && !/^[\d.]+$/.test(host);
}
