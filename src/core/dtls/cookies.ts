import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DatagramWay } from '../engine/datagram-ways.ts';
import type { DatagramHello } from './client-hello.ts';

/**
 * Cookies that nothing has to be remembered for (RFC 6347 section 4.2.1): an HMAC-SHA256 of where a hello came from and
 * to, and of what it says the same each time. The key is of this object alone and changes; cookies of the one before it
 * are still good, so that each is for `keyLifetime` at least and for twice that at most.
 */
export class Cookies {
  readonly #now: () => number;
  #current: Key;
  #previous: Key | undefined;

  /** @param now ms of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#current = newKey(now());
  }

  make(way: DatagramWay, hello: DatagramHello): Buffer {
    this.#changeKey();
    return cookieOf(this.#current, way, hello);
  }

  /** Whether the hello shows a cookie that was made for it, and for where it comes from. */
  areShown(way: DatagramWay, hello: DatagramHello): boolean {
    if (hello.cookie.length !== COOKIE_LENGTH) return false;
    this.#changeKey();
    return [this.#current, this.#previous].some(
      (key) => key && timingSafeEqual(hello.cookie, cookieOf(key, way, hello)),
    );
  }

  #changeKey(): void {
    const now = this.#now();
    const age = (key: Key) => now - key.since;
    if (age(this.#current) >= keyLifetime) {
      this.#previous = this.#current;
      this.#current = newKey(now);
    }
    if (this.#previous && age(this.#previous) >= 2 * keyLifetime) this.#previous = undefined;
  }
}

/** ms. More than a client takes to come back, which repeats itself with pauses of up to a minute. */
export const keyLifetime = 60_000;
/** Bytes; clients of DTLS 1.0 take no more. */
export const COOKIE_LENGTH = 32;

interface Key {
  readonly secret: Buffer;
  readonly since: number;
}

function newKey(since: number): Key {
  return { secret: randomBytes(32), since };
}

/** Addresses and parameters say their length or have a fixed one, so that different ones are never the same bytes. */
function cookieOf({ secret }: Key, { remote, local }: DatagramWay, hello: DatagramHello): Buffer {
  const hmac = createHmac('sha256', secret);
  for (const address of [remote, local]) {
    hmac.update(Uint8Array.of(address.length)).update(address);
  }
  for (const part of hello.parameters) hmac.update(part);
  return hmac.digest();
}
