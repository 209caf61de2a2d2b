import { randomFillSync } from 'node:crypto';
import { PoolError } from '../protocol/errors.ts';

/** What a key names: its session, and who may speak for it now. */
export interface Registered<Session, Owner> {
  readonly session: Session;
  /** As text it takes less memory than as bytes. */
  readonly key: string;
  readonly digest: number;
  /** Another one whose key has the same digest. */
  next: Registered<Session, Owner> | undefined;
  /** False until the session is set up. */
  established: boolean;
  /** undefined: detached. */
  owner: Owner | undefined;
}

/**
 * The sessions by their control keys. Clients choose those, some from a weak source: a key alone never lets anyone do
 * more with a session than to take up a detached one.
 */
export class Ctlkeys<Session, Owner> {
  /**
   * By the digests of their keys. By the keys themselves, each would first get into V8's table of texts that Maps have
   * been asked for, which costs more than all else that is done with it.
   */
  readonly #entries = new Map<number, Registered<Session, Owner>>();
  readonly #digest: (ctlkey: Buffer) => number;

  /** @param digest of 16 bytes */
  constructor(digest: (ctlkey: Buffer) => number = secretDigest()) {
    this.#digest = digest;
  }

  /** For a session that is being set up. @throws PoolError CTLKEY_REGISTRATION_FAILED if the key is taken */
  register(ctlkey: Buffer, session: Session, owner: Owner): Registered<Session, Owner> {
    const digest = this.#digest(ctlkey);
    const key = textOf(ctlkey);
    const first = this.#entries.get(digest);
    if (withKey(key, first) !== undefined) {
      throw new PoolError(
        'CTLKEY_REGISTRATION_FAILED',
        'another session has this ctlkey',
        'Choose 16 random bytes.',
      );
    }
    const entry = { session, key, digest, next: first, established: false, owner };
    this.#entries.set(digest, entry);
    return entry;
  }

  /** From now on others may ask for it. */
  establish(entry: Registered<Session, Owner>, detached: boolean): void {
    entry.established = true;
    if (detached) entry.owner = undefined;
  }

  /** Its session is over: the key may be used again. */
  release(entry: Registered<Session, Owner>): void {
    const { digest, next } = entry;
    let before = this.#entries.get(digest);
    if (before === entry) {
      if (next === undefined) this.#entries.delete(digest);
      else this.#entries.set(digest, next);
      return;
    }
    while (before !== undefined && before.next !== entry) before = before.next;
    if (before !== undefined) before.next = next;
  }

  /** The session, if it belongs to this connection. @throws PoolError CTLKEY_NOT_FOUND, _DETACHED, _NOT_YOURS */
  attached(ctlkey: Buffer, owner: Owner): Session {
    return this.#attached(ctlkey, owner).session;
  }

  /** The session, if anyone may take it over. */
  detached(ctlkey: Buffer): Session | undefined {
    const entry = this.#named(ctlkey);
    return entry?.established && entry.owner === undefined ? entry.session : undefined;
  }

  /** The session, if it is being set up for this connection. */
  pending(ctlkey: Buffer, owner: Owner): Session | undefined {
    const entry = this.#named(ctlkey);
    return entry?.established === false && entry.owner === owner ? entry.session : undefined;
  }

  detach(ctlkey: Buffer, owner: Owner): void {
    this.#attached(ctlkey, owner).owner = undefined;
  }

  /** @throws PoolError CTLKEY_NOT_FOUND, CTLKEY_ATTACHED */
  reattach(ctlkey: Buffer, owner: Owner): void {
    const entry = this.#find(ctlkey);
    if (entry.owner !== undefined) {
      throw new PoolError('CTLKEY_ATTACHED', 'the session is attached to a connection');
    }
    entry.owner = owner;
  }

  /** The connection is gone: its sessions are let go of, and returned. */
  disown(owner: Owner): Session[] {
    const sessions: Session[] = [];
    for (const first of this.#entries.values()) {
      for (let entry: typeof first | undefined = first; entry !== undefined; entry = entry.next) {
        if (entry.owner !== owner) continue;
        entry.owner = undefined;
        sessions.push(entry.session);
      }
    }
    return sessions;
  }

  #attached(ctlkey: Buffer, owner: Owner): Registered<Session, Owner> {
    const entry = this.#find(ctlkey);
    if (entry.owner === owner) return entry;
    if (entry.owner === undefined) {
      throw new PoolError(
        'CTLKEY_DETACHED',
        'the session is detached',
        'Reattach it to this connection.',
      );
    }
    throw new PoolError('CTLKEY_NOT_YOURS', 'the session is attached to another connection');
  }

  #find(ctlkey: Buffer): Registered<Session, Owner> {
    const entry = this.#named(ctlkey);
    if (entry?.established) return entry;
    throw new PoolError('CTLKEY_NOT_FOUND', 'no session has this ctlkey');
  }

  #named(ctlkey: Buffer): Registered<Session, Owner> | undefined {
    return withKey(textOf(ctlkey), this.#entries.get(this.#digest(ctlkey)));
  }
}

/** The one with that key, among those with its digest. */
function withKey<Session, Owner>(
  key: string,
  first: Registered<Session, Owner> | undefined,
): Registered<Session, Owner> | undefined {
  let entry = first;
  while (entry !== undefined && entry.key !== key) entry = entry.next;
  return entry;
}

function textOf(ctlkey: Buffer): string {
  return ctlkey.toString('latin1');
}

/**
 * Multilinear hashing by random factors: whoever chooses keys cannot have them meet in one digest more often than
 * chance would, once in 2^17 (Lemire and Kaser, Strongly universal string hashing is fast, 2014).
 */
function secretDigest(): (ctlkey: Buffer) => number {
  const factors = randomFillSync(new Int32Array(9));
  return (ctlkey) => {
    let sum = factors[8] ?? 0;
    for (let word = 0; word < 8; word += 1) {
      sum = (sum + Math.imul(factors[word] ?? 0, ctlkey.readUInt16LE(2 * word))) | 0;
    }
    return sum >>> 15;
  };
}
