import { lookup } from 'node:dns/promises';
import { bindUdp, closeFd, listenTcp, socketAddresses } from '../engine/sockets.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import { formatHostAndPort, isAddress, type ListenAddress } from './endpoint.ts';

/**
 * Listening sockets for one address: one, or as many as a host name has addresses. `*` is every IPv6 and
 * IPv4 address of the machine. Fails with `cannot-listen`; nothing stays open then.
 */
export function listenAt(address: ListenAddress): Promise<number[]> {
  const open = (host: string, ipv6Only: boolean) =>
    listenTcp(host, address.port, { backlog, ipv6Only });
  return listenWith(open, address);
}

/** The same for UDP sockets. */
export function listenForDatagrams(address: ListenAddress): Promise<number[]> {
  const open = (host: string, ipv6Only: boolean) => bindUdp(host, address.port, { ipv6Only });
  return listenWith(open, address);
}

type Open = (host: string, ipv6Only: boolean) => number;

async function listenWith(open: Open, address: ListenAddress): Promise<number[]> {
  const listeners: number[] = [];
  try {
    for (const host of await hosts(address.host)) listeners.push(listenOn(host, open));
    return listeners;
  } catch (cause) {
    for (const listener of listeners) closeFd(listener);
    throw cannotListen(address, cause);
  }
}

/** `127.0.0.1:443`, as the kernel sees it: with the port that it chose. */
export function localAddress(listener: number): string {
  const { local } = socketAddresses(listener);
  return local ? formatHostAndPort({ host: local.address, port: local.port }) : 'UNIX socket';
}

/** Limited by net.core.somaxconn. */
const backlog = 4096;

async function hosts(host: string): Promise<string[]> {
  if (host === '*') return ['*'];
  if (isAddress(host)) return [host];
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function listenOn(host: string, open: Open): number {
  if (host !== '*') return open(host, host.includes(':'));
  try {
    return open('::', false);
  } catch (error) {
    // A machine without IPv6.
    if (!(error instanceof TlspoolError) || error.code !== 'EAFNOSUPPORT') throw error;
    return open('0.0.0.0', false);
  }
}

function cannotListen(address: ListenAddress, cause: unknown): TlspoolError {
  const code = cause instanceof TlspoolError ? cause.code : '';
  return new TlspoolError(
    'cannot-listen',
    `cannot listen on ${formatHostAndPort(address)}: ${systemReason(cause)}`,
    { hint: hints[code], cause },
  );
}

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there; `ss -ltunp` names it.',
  EACCES:
    'Ports below 1024 need root, CAP_NET_BIND_SERVICE or socket activation (net.ipv4.ip_unprivileged_port_start).',
  EADDRNOTAVAIL: 'The machine has no such address; `ip address` lists those it has.',
};
