import { readFileSync, statSync } from 'node:fs';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { DnsName } from './dns-message.ts';

/** Address → names, the canonical one first: hosts(5). What is no line of a hosts file is passed over. */
export function parseHosts(text: string): Map<string, readonly DnsName[]> {
  const hosts = new Map<string, readonly DnsName[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const key = canonicalAddress(address);
    if (key === undefined) continue;
    const known = names.filter(isHostName).map((name) => name.toLowerCase().replace(/\.$/, ''));
    hosts.set(key, [...new Set([...(hosts.get(key) ?? []), ...known])]);
  }
  return hosts;
}

/**
 * The names that a process finds in its own /etc/hosts (it may live in a chroot or a mount namespace) for an address;
 * none if there is no such file.
 */
export function hostsNamesOf(process: number, address: string): readonly DnsName[] {
  try {
    return hostsAt(`/proc/${process}/root/etc/hosts`).get(address) ?? [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return [];
  }
}

/** What was read last, and what the file was like before that; most of the time it still is. */
let latest = { version: '', hosts: parseHosts('') };

function hostsAt(path: string): ReadonlyMap<string, readonly DnsName[]> {
  const version = versionOf(path);
  if (version === undefined || version !== latest.version) {
    const hosts = parseHosts(readFileSync(path, 'utf8'));
    latest = { version: version ?? '', hosts };
  }
  return latest.hosts;
}

/**
 * What tells a file from another one, and from what it was (inode(7)). undefined while it may still change without
 * showing it: clocks of file systems are coarse.
 */
function versionOf(path: string): string | undefined {
  const { dev, ino, size, ctimeMs, mtimeMs } = statSync(path);
  if (Date.now() - ctimeMs < clockUncertainty) return undefined;
  return `${dev} ${ino} ${size} ${ctimeMs} ${mtimeMs}`;
}

/** ms; FAT's is the coarsest. */
const clockUncertainty = 2_000;

/** As inet_ntop(3) writes it, without a scope, IPv4 without the prefix ::ffff: (RFC 4291 section 2.5.5.2). */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return undefined;
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' });
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
}

function isHostName(name: string): boolean {
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/i.test(name);
}
