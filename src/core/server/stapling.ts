import type { Engine } from '../engine/engine.ts';
import type { CredentialHandle } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { Credential } from '../identity/local-identities.ts';
import type { Log } from '../telemetry/log.ts';
import { DerError } from '../trust/der.ts';
import { sha256 } from '../trust/fingerprints.ts';
import { holdsUntil, type OcspResponders } from '../trust/ocsp-responders.ts';
import { responderLocations } from '../trust/revocation-points.ts';
import { mustStaple } from '../trust/tls-features.ts';

/** ms until it is tried again where there was no response. */
const RETRY = 5 * 60 * 1000;
/** ms; the shortest and longest time between two responses. */
const SHORTEST = 60 * 1000;
const LONGEST = 12 * 60 * 60 * 1000;

interface Response {
  /** DER. */
  readonly content: Buffer;
  /** Epoch ms. */
  readonly until: number;
}

export interface StaplingParts {
  readonly engine: Pick<Engine, 'staple'>;
  readonly responders: Pick<OcspResponders, 'ask'>;
  /** The anchor that signed a certificate: chains may leave it out. */
  readonly anchorOf: (certificate: Buffer) => Buffer | undefined;
  /** What the local CA says of a certificate of its own; undefined: nothing, or it is not its own. */
  readonly own: (certificate: Buffer) => Promise<Buffer | undefined>;
  readonly log: Log;
}

/** ms for which a response of the local CA is stapled before a newer one is. */
const OWN = 30 * 60 * 1000;

interface Held {
  readonly chain: readonly Buffer[];
  timer: NodeJS.Timeout | undefined;
}

/** Keeps OCSP responses for the certificates that we show, so that clients need not ask (RFC 6066 section 8). */
export class Stapling {
  readonly #parts: StaplingParts;
  readonly #held = new Map<CredentialHandle, Held>();
  #revoked: ReadonlySet<string> = new Set();

  constructor(parts: StaplingParts) {
    this.#parts = parts;
  }

  /** A credential is in use from now on. */
  begin(handle: CredentialHandle, { chain }: Credential): void {
    const held = { chain, timer: undefined };
    this.#held.set(handle, held);
    this.#schedule(handle, held, 0);
  }

  end(handle: CredentialHandle): void {
    clearTimeout(this.#held.get(handle)?.timer);
    this.#held.delete(handle);
  }

  /** What the local CA has revoked is not called good any more. @param revoked SHA-256 of its certificates */
  withhold(revoked: ReadonlySet<string>): void {
    this.#revoked = revoked;
    for (const [handle, { chain }] of this.#held) {
      if (this.#isRevoked(chain)) this.#parts.engine.staple(handle, undefined);
    }
  }

  close(): void {
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
  }

  #schedule(handle: CredentialHandle, held: Held, delay: number): void {
    held.timer = setTimeout(() => {
      this.#renew(handle, held).catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'fault');
      });
    }, delay).unref();
  }

  async #renew(handle: CredentialHandle, held: Held): Promise<void> {
    const { chain } = held;
    if (this.#isRevoked(chain)) return;
    const response = await this.#response(chain);
    // It may not be in use any more by now, or be revoked since the response was made.
    if (this.#held.get(handle) !== held || this.#isRevoked(chain)) return;
    this.#parts.engine.staple(handle, response?.content);
    if (response === undefined) {
      if (isAnswerable(chain[0])) this.#schedule(handle, held, RETRY);
      return;
    }
    const half = (response.until - Date.now()) / 2;
    this.#schedule(handle, held, Math.min(Math.max(half, SHORTEST), LONGEST));
  }

  #isRevoked([leaf]: readonly Buffer[]): boolean {
    return this.#revoked.size > 0 && leaf !== undefined && this.#revoked.has(sha256(leaf));
  }

  async #response([leaf, sent]: readonly Buffer[]): Promise<Response | undefined> {
    if (leaf === undefined) return undefined;
    try {
      const own = await this.#parts.own(leaf);
      if (own !== undefined) return { content: own, until: Date.now() + OWN };
      if (!isAnswerable(leaf)) return mustStaple(leaf) ? this.#none(leaf, NO_RESPONDER) : undefined;
      const issuer = sent ?? this.#parts.anchorOf(leaf);
      if (issuer === undefined) return this.#none(leaf, NO_ISSUER);
      const { answer, faults } = await this.#parts.responders.ask(leaf, issuer, true);
      if (answer?.verdict.status === 'good') {
        return { content: answer.response, until: holdsUntil(answer.verdict) * 1000 };
      }
      return this.#none(leaf, answer === undefined ? faults.join('; ') : answer.verdict.status);
    } catch (error) {
      if (!(error instanceof TlspoolError || error instanceof DerError)) throw error;
      return this.#none(leaf, error.message);
    }
  }

  #none(leaf: Buffer, reason: string): undefined {
    const { log } = this.#parts;
    if (!isDemanded(leaf)) log.warn({ reason }, 'no OCSP response to staple');
    else
      log.error(
        { reason },
        'no OCSP response to staple: clients refuse the certificate, which demands one',
      );
  }
}

const NO_RESPONDER = 'the certificate names no responder';
const NO_ISSUER = 'neither its chain nor the anchors have the CA that signed the certificate';

/** What cannot be read demands nothing. */
function isDemanded(leaf: Buffer): boolean {
  try {
    return mustStaple(leaf);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function isAnswerable(leaf: Buffer | undefined): boolean {
  return leaf !== undefined && responderLocations(leaf).length > 0;
}
