import type { Learned } from './answer.ts';
import type { DnsName } from './dns-message.ts';

/** A process of the wrapped tree: its pid. */
export type ProcessId = number;

/**
 * Which names the processes of a tree asked for, and which addresses they got. Nothing is forgotten when its time
 * to live is over, as programs keep addresses (nginx resolves in its master, mail servers in a helper process); it
 * is bounded by number, what was asked for longest ago going first.
 */
export class NameTable {
  readonly #byProcess = new Map<ProcessId, Asked>();
  readonly #tree: Asked;
  readonly #bounds: TableBounds;

  constructor(bounds: TableBounds = defaultBounds) {
    this.#bounds = bounds;
    this.#tree = new Asked(bounds.addresses);
  }

  learn(process: ProcessId, learned: Learned): void {
    this.#of(process).learn(learned);
    this.#tree.learn(learned);
  }

  /**
   * Whom a connection to `address` and `port` is meant for, most likely first: what the process asked for itself, the
   * latest question first; then what its ancestors asked, from the nearest on; then the whole tree.
   * @param lineage the process and its ancestors
   */
  namesOf(lineage: readonly ProcessId[], address: string, port: number): readonly DnsName[] {
    const names = new Set<DnsName>();
    for (const process of lineage) {
      for (const name of this.#byProcess.get(process)?.namesOf(address, port) ?? [])
        names.add(name);
    }
    for (const name of this.#tree.namesOf(address, port)) names.add(name);
    return [...names];
  }

  #of(process: ProcessId): Asked {
    const asked = this.#byProcess.get(process) ?? new Asked(this.#bounds.addressesOfProcess);
    this.#byProcess.delete(process);
    this.#byProcess.set(process, asked);
    dropOldest(this.#byProcess, this.#bounds.processes);
    return asked;
  }
}

export interface TableBounds {
  /** Processes remembered apart. */
  readonly processes: number;
  /** Addresses remembered of each. */
  readonly addressesOfProcess: number;
  /** Addresses remembered of the whole tree. */
  readonly addresses: number;
}

const defaultBounds: TableBounds = {
  processes: 1024,
  addressesOfProcess: 4096,
  addresses: 65_536,
};

/** Names on one address that are remembered. */
const mostNames = 64;

/** What was asked, the oldest first. */
class Asked {
  readonly #limit: number;
  readonly #names = new Map<string, Set<DnsName>>();
  /** By host and port. */
  readonly #services = new Map<string, DnsName>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  learn({ names, services }: Learned): void {
    for (const { name, addresses } of names) {
      for (const address of addresses) this.#add(address, name);
    }
    for (const { domain, host, port } of services) {
      putLast(this.#services, placeKey(host, port), domain);
      dropOldest(this.#services, this.#limit);
    }
  }

  /** The latest first. */
  namesOf(address: string, port: number): DnsName[] {
    const names = [...(this.#names.get(address) ?? [])].reverse();
    return names.map((name) => this.#services.get(placeKey(name, port)) ?? name);
  }

  #add(address: string, name: DnsName): void {
    const names = this.#names.get(address) ?? new Set();
    names.delete(name);
    names.add(name);
    if (names.size > mostNames) names.delete(names.values().next().value as DnsName);
    putLast(this.#names, address, names);
    dropOldest(this.#names, this.#limit);
  }
}

function placeKey(host: DnsName, port: number): string {
  return `${host}:${port}`;
}

function putLast<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
}

function dropOldest<Key>(map: Map<Key, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
