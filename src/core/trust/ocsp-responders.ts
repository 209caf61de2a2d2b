import { randomBytes } from 'node:crypto';
import type { OcspQuestion, OcspVerdict } from '../engine/types.ts';
import { sha256 } from './fingerprints.ts';
import { FetchError, fetchPlain } from './http-fetch.ts';
import { responderLocations } from './revocation-points.ts';
import type { ValidationSettings } from './validation-settings.ts';

/** What makes requests and checks responses: the engine. */
export interface OcspVerifier {
  ocspRequest(certificate: Buffer, issuer: Buffer, nonce?: Buffer): Buffer;
  verifyOcsp(question: OcspQuestion): Promise<OcspVerdict>;
}

/** What is known of a certificate. */
export interface OcspAnswer {
  readonly verdict: OcspVerdict;
  /** Where it is from, for people. */
  readonly source: string;
  /** DER. */
  readonly response: Buffer;
}

export interface Asked {
  readonly answer: OcspAnswer | undefined;
  /** Why there is none, or why some do not count. */
  readonly faults: readonly string[];
}

/** Bytes; responses have a few certificates at most. */
const LARGEST = 64 * 1024;
/** Seconds for which a response holds that does not say until when. */
const LONGEST = 24 * 60 * 60;
const MOST_KEPT = 4096;

/**
 * Asks OCSP responders (RFC 6960), and keeps what they said while it holds. That a certificate was revoked is not forgotten
 * for what was said before, which may be valid still and be stapled or replayed, nor because nobody answers any more.
 */
export class OcspResponders {
  readonly #verifier: OcspVerifier;
  readonly #settings: () => ValidationSettings;
  readonly #kept = new Map<string, OcspAnswer>();
  readonly #asking = new Map<string, Promise<Asked>>();

  constructor(verifier: OcspVerifier, settings: () => ValidationSettings) {
    this.#verifier = verifier;
    this.#settings = settings;
  }

  /** What the other side brought along. */
  async stapled(response: Buffer, certificate: Buffer, issuer: Buffer): Promise<Asked> {
    const question = { response, certificate, issuer, longest: LONGEST };
    const verdict = await this.#verifier.verifyOcsp(question);
    if (verdict.status !== 'invalid') {
      const answer = { verdict, source: 'the stapled response', response };
      const key = keyOf(certificate, issuer);
      if (verdict.status === 'revoked') this.#keep(key, answer);
      return { answer: this.#revokedSince(key, answer) ?? answer, faults: [] };
    }
    return {
      answer: undefined,
      faults: [`the stapled response does not count: ${verdict.reason}`],
    };
  }

  /** What the certificate's responders say. @param fresh whether they are asked anew @throws DerError */
  ask(certificate: Buffer, issuer: Buffer, fresh: boolean): Promise<Asked> {
    const key = keyOf(certificate, issuer);
    const kept = this.#kept.get(key);
    if (kept !== undefined && holdsUntil(kept.verdict) > Date.now() / 1000 && !fresh) {
      return Promise.resolve({ answer: kept, faults: [] });
    }
    const running = this.#asking.get(key) ?? this.#askAll(key, certificate, issuer);
    this.#asking.set(key, running);
    return running;
  }

  /** Whatever they said is asked anew. */
  forget(): void {
    this.#kept.clear();
  }

  async #askAll(key: string, certificate: Buffer, issuer: Buffer): Promise<Asked> {
    try {
      const faults: string[] = [];
      for (const url of responderLocations(certificate)) {
        try {
          const answer = await this.#askOne(url, certificate, issuer);
          this.#keep(key, answer);
          return { answer: this.#kept.get(key) ?? answer, faults };
        } catch (error) {
          if (!(error instanceof FetchError)) throw error;
          faults.push(error.message);
        }
      }
      const kept = this.#kept.get(key);
      return { answer: kept?.verdict.status === 'revoked' ? kept : undefined, faults };
    } finally {
      this.#asking.delete(key);
    }
  }

  async #askOne(url: string, certificate: Buffer, issuer: Buffer): Promise<OcspAnswer> {
    const { ocspNonce, fetchFrom, fetchTimeout } = this.#settings();
    // RFC 9654 section 2.1: at least 32 bytes.
    const nonce = ocspNonce === 'no' ? undefined : randomBytes(32);
    const content = this.#verifier.ocspRequest(certificate, issuer, nonce);
    const response = await fetchPlain({
      url,
      body: { type: 'application/ocsp-request', content },
      limit: LARGEST,
      timeout: fetchTimeout,
      allowed: fetchFrom,
    });
    const verdict = await this.#verifier.verifyOcsp({
      response,
      certificate,
      issuer,
      nonce,
      nonceRequired: ocspNonce === 'require',
      longest: LONGEST,
    });
    if (verdict.status !== 'invalid') return { verdict, source: url, response };
    throw new FetchError(`the response of ${url} does not count: ${verdict.reason}`);
  }

  /** What is known of a revocation that was told after the answer was given. */
  #revokedSince(key: string, { verdict }: OcspAnswer): OcspAnswer | undefined {
    const kept = this.#kept.get(key);
    const isNewer = kept !== undefined && kept.verdict.thisUpdate > verdict.thisUpdate;
    return isNewer && kept.verdict.status === 'revoked' ? kept : undefined;
  }

  #keep(key: string, answer: OcspAnswer): void {
    if (this.#revokedSince(key, answer) !== undefined) return;
    this.#kept.delete(key);
    this.#kept.set(key, answer);
    const [oldest] = this.#kept;
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest[0]);
  }
}

function keyOf(certificate: Buffer, issuer: Buffer): string {
  return `${sha256(certificate)} ${sha256(issuer)}`;
}

/** Epoch seconds. */
export function holdsUntil({ thisUpdate, nextUpdate }: OcspVerdict): number {
  return nextUpdate > 0 ? nextUpdate : thisUpdate + LONGEST;
}
