import { readDetails, type SessionDetails } from '../core/protocol/extension.ts';
import type { StartTls } from '../core/protocol/message.ts';
import { extensionMissing } from './errors.ts';
import type { RenewalRequest } from './start-tls-request.ts';

/** What the connection that a session belongs to does for it. */
export interface SessionKeeper {
  detach(ctlkey: Buffer): Promise<void>;
  renew(session: PoolSession, request: RenewalRequest): Promise<PoolSession>;
}

/** A session that is set up. It lives in the pool; this only names it. */
export class PoolSession {
  /** Who we are to the other side; '' if nobody. */
  readonly localId: string;
  /** Who the other side is, as the pool validated it; '' if it did not have to show. */
  readonly remoteId: string;
  /** What names the session in `detach`, `reattach`, `prng` and `info`. */
  readonly ctlkey: Buffer;
  /** Bits of STARTTLS: those that offered a freedom are set if it was used. */
  readonly flags: number;
  readonly #pool: SessionKeeper;
  /** As they came: few ask for them. */
  readonly #details: readonly Buffer[];

  /** Use `PoolConnection.startTls`. */
  constructor(pool: SessionKeeper, final: StartTls, details: readonly Buffer[]) {
    this.localId = final.localId;
    this.remoteId = final.remoteId;
    this.ctlkey = final.ctlkey;
    this.flags = final.flags;
    this.#pool = pool;
    this.#details = details;
  }

  /** What the handshake agreed on. Takes no round trip. @throws TlspoolError `no-extension`, MalformedMessage */
  async details(): Promise<SessionDetails> {
    if (this.#details.length === 0) throw extensionMissing('a question for session details');
    return readDetails(this.#details);
  }

  /**
   * Finds out anew who is who: asks a client after the handshake (TLS 1.3), renegotiates (TLS 1.2), or changes the keys.
   * If the other side is not let in the session ends. @returns the session as it is now @throws TlspoolError as the pool
   * answers
   */
  renew(request: RenewalRequest = {}): Promise<PoolSession> {
    return this.#pool.renew(this, request);
  }

  /** The session outlives the connection that it was set up on. */
  detach(): Promise<void> {
    return this.#pool.detach(this.ctlkey);
  }
}
