import type { DatagramWay } from '../engine/datagram-ways.ts';

/**
 * Ways of datagrams that got a socket of their own, for as long as the one that they came to may still hold some of
 * them: until that was empty once, or more was read from it than it can hold.
 */
export class RecentWays {
  #latest = new Set<string>();
  #earlier = new Set<string>();
  #read = 0;

  has(way: DatagramWay): boolean {
    const name = nameOf(way);
    return this.#latest.has(name) || this.#earlier.has(name);
  }

  add(way: DatagramWay): void {
    this.#latest.add(nameOf(way));
  }

  /** One more datagram was read. */
  count(): void {
    this.#read += 1;
    if (this.#read < mostHeld) return;
    this.#read = 0;
    this.#earlier = this.#latest;
    this.#latest = new Set();
  }

  /** The socket was empty. */
  clear(): void {
    this.#latest.clear();
    this.#earlier.clear();
  }
}

/** Datagrams: a hello takes 768 bytes of a receive buffer at least, which seldom has more than 16 MiB. */
export const mostHeld = 32_768;

function nameOf({ remote, local }: DatagramWay): string {
  return `${remote.toString('latin1')} ${local.toString('latin1')}`;
}
