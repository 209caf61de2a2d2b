import type { Engine } from '../engine/engine.ts';
import type { CredentialHandle } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { Credential } from '../identity/local-identities.ts';
import type { Log } from '../telemetry/log.ts';
import { DerError } from '../trust/der.ts';
import { holdsUntil, type OcspResponders } from '../trust/ocsp-responders.ts';
import { responderLocations } from '../trust/revocation-points.ts';

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
  /** What the local CA says of a certificate of its own; undefined: nothing, or it is not its own. */
  readonly own: (certificate: Buffer) => Promise<Buffer | undefined>;
  readonly log: Log;
}

/** ms for which a response of the local CA is stapled before a newer one is. */
const OWN = 30 * 60 * 1000;

/** Keeps OCSP responses for the certificates that we show, so that clients need not ask (RFC 6066 section 8). */
export class Stapling {
  readonly #parts: StaplingParts;
  readonly #timers = new Map<CredentialHandle, NodeJS.Timeout>();

  constructor(parts: StaplingParts) {
    this.#parts = parts;
  }

  /** A credential is in use from now on. */
  begin(handle: CredentialHandle, { chain }: Credential): void {
    this.#schedule(handle, chain, 0);
  }

  end(handle: CredentialHandle): void {
    clearTimeout(this.#timers.get(handle));
    this.#timers.delete(handle);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #schedule(handle: CredentialHandle, chain: readonly Buffer[], delay: number): void {
    const timer = setTimeout(() => {
      this.#renew(handle, chain).catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'fault');
      });
    }, delay);
    timer.unref();
    this.#timers.set(handle, timer);
  }

  async #renew(handle: CredentialHandle, chain: readonly Buffer[]): Promise<void> {
    const response = await this.#response(chain);
    // It may not be in use any more by now.
    if (!this.#timers.has(handle)) return;
    this.#parts.engine.staple(handle, response?.content);
    if (response === undefined) {
      if (isAnswerable(chain)) this.#schedule(handle, chain, RETRY);
      else this.#timers.delete(handle);
      return;
    }
    const half = (response.until - Date.now()) / 2;
    this.#schedule(handle, chain, Math.min(Math.max(half, SHORTEST), LONGEST));
  }

  async #response(chain: readonly Buffer[]): Promise<Response | undefined> {
    const [leaf, issuer] = chain;
    if (leaf === undefined) return undefined;
    try {
      const own = await this.#parts.own(leaf);
      if (own !== undefined) return { content: own, until: Date.now() + OWN };
      if (issuer === undefined || !isAnswerable(chain)) return undefined;
      const { answer, faults } = await this.#parts.responders.ask(leaf, issuer, true);
      if (answer?.verdict.status === 'good') {
        return { content: answer.response, until: holdsUntil(answer.verdict) * 1000 };
      }
      const reason = answer === undefined ? faults.join('; ') : answer.verdict.status;
      this.#parts.log.warn({ reason }, 'no OCSP response to staple');
      return undefined;
    } catch (error) {
      if (!(error instanceof TlspoolError || error instanceof DerError)) throw error;
      this.#parts.log.warn({ reason: error.message }, 'no OCSP response to staple');
      return undefined;
    }
  }
}

function isAnswerable([leaf, issuer]: readonly Buffer[]): boolean {
  return leaf !== undefined && issuer !== undefined && responderLocations(leaf).length > 0;
}
