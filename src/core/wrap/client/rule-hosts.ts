import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { systemReason } from '../../errors.ts';
import { canonicalAddress } from '../names/hosts-file.ts';
import type { ClientRule } from './client-rules.ts';

/**
 * The addresses of hosts that flags name, resolved by this process: so such a connection has its name even if how the
 * program came by the address cannot be seen. Only ever grows, as programs keep addresses.
 */
export class RuleHosts {
  readonly #hosts: readonly string[];
  readonly #unknown: (host: string, why: string) => void;
  readonly #addresses = new Map<string, Set<string>>();
  #refreshed = 0;

  /** @param unknown told of a host that has no address now, with why */
  constructor(rules: readonly ClientRule[], unknown: (host: string, why: string) => void) {
    this.#unknown = unknown;
    this.#hosts = rules.flatMap(({ host }) =>
      host === undefined || isIP(host) !== 0 ? [] : [host],
    );
  }

  addressesOf(host: string): readonly string[] {
    return [...(this.#addresses.get(host) ?? [])];
  }

  /** A host that is not known now may be later; at most every ten seconds. */
  async refresh(): Promise<void> {
    if (this.#hosts.length === 0 || Date.now() - this.#refreshed < pause) return;
    this.#refreshed = Date.now();
    await Promise.allSettled(this.#hosts.map((host) => this.#resolve(host)));
  }

  async #resolve(host: string): Promise<void> {
    const known = this.#addresses.get(host) ?? new Set<string>();
    for (const { address } of await this.#lookUp(host)) {
      known.add(canonicalAddress(address) ?? address);
    }
    this.#addresses.set(host, known);
  }

  async #lookUp(host: string): Promise<readonly LookupAddress[]> {
    try {
      return await lookup(host, { all: true });
    } catch (error) {
      if (!this.#addresses.has(host)) this.#unknown(host, systemReason(error));
      return [];
    }
  }
}

/** ms */
const pause = 10_000;
