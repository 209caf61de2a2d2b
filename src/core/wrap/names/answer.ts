import type { DnsMessage, DnsName, DnsRecord } from './dns-message.ts';

/** What one answer says about the name that was asked for. */
export interface NamedAddresses {
  readonly name: DnsName;
  readonly addresses: readonly string[];
}

/** A service of a domain is at a host's port (SRV, RFC 2782). */
export interface ServicePlace {
  /** The domain that was asked for its service: what a certificate must show (RFC 6120 section 13.7.2.1, RFC 9525). */
  readonly domain: DnsName;
  readonly host: DnsName;
  readonly port: number;
}

export interface Learned {
  readonly names: readonly NamedAddresses[];
  readonly services: readonly ServicePlace[];
}

/**
 * What an answer teaches. Aliases are followed from the question on, and the name stays the one that was asked
 * for: it is what the program means, and what the certificate has to show. Records that the question does not lead
 * to teach nothing.
 */
export function learnFrom({ question, records }: DnsMessage): Learned {
  const end = followAliases(question.name, records);
  const services = records.flatMap((record) => servicePlace(question.name, end, record));
  const hosts = records.flatMap((record) =>
    (record.type === 'mail' || record.type === 'service') && record.owner === end
      ? [record.target]
      : [],
  );
  const named = [
    { name: question.name, addresses: addressesOf(end, records) },
    // Addresses of mail exchangers and of services' hosts may come along (RFC 1035 section 3.3.9, RFC 2782).
    ...hosts.map((name) => ({
      name,
      addresses: addressesOf(followAliases(name, records), records),
    })),
  ];
  return {
    names: named.filter(({ name, addresses }) => isHost(name) && addresses.length > 0),
    services,
  };
}

/** Longer chains are not for programs to follow, and loops end here. */
const longestChain = 16;

function followAliases(from: DnsName, records: readonly DnsRecord[]): DnsName {
  let name = from;
  for (let step = 0; step < longestChain; step++) {
    const alias = records.find((record) => record.type === 'alias' && record.owner === name);
    if (alias?.type !== 'alias') break;
    name = alias.target;
  }
  return name;
}

function addressesOf(name: DnsName, records: readonly DnsRecord[]): string[] {
  return records.flatMap((record) =>
    record.type === 'address' && record.owner === name ? [record.address] : [],
  );
}

function servicePlace(asked: DnsName, end: DnsName, record: DnsRecord): ServicePlace[] {
  if (record.type !== 'service' || record.owner !== end || record.target === '') return [];
  const domain = /^_[^.]+\._(?:tcp|udp)\.(?<domain>.+)$/.exec(asked)?.groups?.domain;
  return domain === undefined || !isHost(domain)
    ? []
    : [{ domain, host: record.target, port: record.port }];
}

function isHost(name: DnsName): boolean {
  return name !== '' && !name.includes('?');
}
