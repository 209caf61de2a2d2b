import { PoolError } from '../protocol/errors.ts';

/** What a key names: its session, and who may speak for it now. */
interface Entry<Session, Owner> {
  readonly session: Session;
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
  readonly #entries = new Map<string, Entry<Session, Owner>>();

  get size(): number {
    return this.#entries.size;
  }

  /** For a session that is being set up. @throws PoolError CTLKEY_REGISTRATION_FAILED if the key is taken */
  register(ctlkey: Buffer, session: Session, owner: Owner): string {
    const key = nameOf(ctlkey);
    if (this.#entries.has(key)) {
      throw new PoolError(
        'CTLKEY_REGISTRATION_FAILED',
        'another session has this ctlkey',
        'Choose 16 random bytes.',
      );
    }
    this.#entries.set(key, { session, established: false, owner });
    return key;
  }

  /** From now on others may ask for it. */
  establish(key: string, detached: boolean): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.established = true;
    if (detached) entry.owner = undefined;
  }

  release(key: string): void {
    this.#entries.delete(key);
  }

  /** The session, if it belongs to this connection. @throws PoolError CTLKEY_NOT_FOUND, _DETACHED, _NOT_YOURS */
  attached(ctlkey: Buffer, owner: Owner): Session {
    return this.#attached(ctlkey, owner).session;
  }

  /** The session, if anyone may take it over. */
  detached(ctlkey: Buffer): Session | undefined {
    const entry = this.#entries.get(nameOf(ctlkey));
    return entry?.established && entry.owner === undefined ? entry.session : undefined;
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
    for (const entry of this.#entries.values()) {
      if (entry.owner !== owner) continue;
      entry.owner = undefined;
      sessions.push(entry.session);
    }
    return sessions;
  }

  isAttached(key: string): boolean {
    return this.#entries.get(key)?.owner !== undefined;
  }

  #attached(ctlkey: Buffer, owner: Owner): Entry<Session, Owner> {
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

  #find(ctlkey: Buffer): Entry<Session, Owner> {
    const entry = this.#entries.get(nameOf(ctlkey));
    if (entry?.established) return entry;
    throw new PoolError('CTLKEY_NOT_FOUND', 'no session has this ctlkey');
  }
}

/** As text it takes less memory than as bytes, and can be looked up. */
function nameOf(ctlkey: Buffer): string {
  return ctlkey.toString('latin1');
}
