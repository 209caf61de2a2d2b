import { isIP } from 'node:net';
import type { DnsName } from '../names/dns-message.ts';
import type { ClientRule, Treatment } from './client-rules.ts';

/** Where a program's connection leads to, and the names that it may mean, most likely first. */
export interface Destination {
  /** Canonical: IPv4 without ::ffff:, no scope. */
  readonly address: string;
  readonly port: number;
  readonly names: readonly DnsName[];
}

/** What becomes of a connection. */
export type Decision =
  | { readonly kind: 'plain' }
  | { readonly kind: 'wrap'; readonly treatment: Treatment; readonly remoteId: string }
  /** It should be wrapped, but nobody said whom the server must prove to be. */
  | { readonly kind: 'nameless' };

export interface PolicyOptions {
  readonly rules: readonly ClientRule[];
  /** Whom every server must prove to be, whatever the name. */
  readonly remoteId: string | undefined;
  /** What a port means that no rule names. */
  readonly portMeaning: (port: number) => Treatment | { readonly kind: 'plain' };
  /** The addresses of a rule's host, as this process knows them. */
  readonly addressesOf: (host: DnsName) => readonly string[];
}

/** Decides by the flags, then by where it leads to and the IANA meaning of the port. */
export class ClientPolicy {
  readonly #options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.#options = options;
  }

  decide(destination: Destination): Decision {
    const rule = this.#ruleFor(destination);
    if (rule === undefined && isThisMachine(destination.address)) return { kind: 'plain' };
    const treatment = rule?.treatment ?? this.#options.portMeaning(destination.port);
    if (treatment.kind === 'plain') return { kind: 'plain' };
    const remoteId = this.#options.remoteId ?? nameIn(rule) ?? destination.names[0];
    return remoteId === undefined ? { kind: 'nameless' } : { kind: 'wrap', treatment, remoteId };
  }

  /** A rule that names the host comes before one that names only the port. */
  #ruleFor(destination: Destination): ClientRule | undefined {
    const fitting = this.#options.rules.filter(
      (rule) => rule.port === destination.port && this.#fits(rule, destination),
    );
    // Among several named hosts on one address, the one that was asked for latest.
    const rank = ({ host }: ClientRule) => {
      if (host === undefined) return Number.POSITIVE_INFINITY;
      const place = destination.names.indexOf(host);
      return place < 0 ? Number.MAX_SAFE_INTEGER : place;
    };
    return fitting.sort((one, other) => compare(rank(one), rank(other)))[0];
  }

  #fits({ host }: ClientRule, { address, names }: Destination): boolean {
    if (host === undefined || host === address || names.includes(host)) return true;
    return isIP(host) === 0 && this.#options.addressesOf(host).includes(address);
  }
}

function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}

function nameIn(rule: ClientRule | undefined): DnsName | undefined {
  return rule?.host === undefined || isIP(rule.host) !== 0 ? undefined : rule.host;
}

/** Loopback; the unspecified address leads there too (connect(2) on Linux). */
function isThisMachine(address: string): boolean {
  return address.startsWith('127.') || ['::1', '0.0.0.0', '::'].includes(address);
}
