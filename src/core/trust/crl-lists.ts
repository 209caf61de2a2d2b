import type { CrlHandle, HeldCrl } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { parsePem } from '../identity/pem.ts';
import { certificateParts } from './fingerprints.ts';
import { FetchError, fetchPlain } from './http-fetch.ts';
import { listLocations } from './revocation-points.ts';
import type { ValidationSettings } from './validation-settings.ts';

/** What holds parsed lists: the engine. */
export interface ListHolder {
  createCrl(der: Buffer): Promise<HeldCrl>;
  releaseCrl(handle: CrlHandle): void;
}

/** The lists that may say something of a certificate. */
export interface Consulted {
  readonly lists: readonly HeldCrl[];
  /** Where they are from, for people. */
  readonly sources: readonly string[];
  /** Places where there should be one, but none could be had. */
  readonly faults: readonly string[];
}

interface Fetched {
  readonly held: HeldCrl;
  /** Epoch ms until which it is not fetched again. */
  readonly until: number;
}

/** Lists of certificates' distribution points that are kept at once. */
const MOST_KEPT = 256;
/** ms for which a list is kept that does not say until when it holds. */
const KEPT_WITHOUT_END = 60 * 60 * 1000;
/** ms after which a place that failed, or had no list that counts, is asked again. */
const PAUSE = 30_000;
/** ms after which a list that was replaced is let go of: whoever just found it may use it first. */
const GRACE = 60_000;

/** Revocation lists: those of the store, and those that certificates point to, fetched and kept to their next update. */
export class CrlLists {
  readonly #holder: ListHolder;
  readonly #settings: () => ValidationSettings;
  #stored: readonly HeldCrl[] = [];
  readonly #fetched = new Map<string, Fetched>();
  readonly #fetching = new Map<string, Promise<HeldCrl>>();
  readonly #failed = new Map<string, { readonly reason: string; readonly until: number }>();
  readonly #leaving = new Map<CrlHandle, NodeJS.Timeout>();

  constructor(holder: ListHolder, settings: () => ValidationSettings) {
    this.#holder = holder;
    this.#settings = settings;
  }

  /** The lists of the store, instead of those before. */
  async load(lists: readonly Buffer[]): Promise<void> {
    const held = await Promise.all(lists.map((list) => this.#holder.createCrl(list)));
    for (const { handle } of this.#stored) this.#release(handle);
    this.#stored = held;
  }

  /** Those of the store that have the certificate's issuer. @throws DerError */
  known(certificate: Buffer): Consulted {
    const { issuer } = certificateParts(certificate);
    const lists = this.#stored.filter((list) => list.issuer.equals(issuer));
    return { lists, sources: lists.map(() => 'a list in the store'), faults: [] };
  }

  /** Those that the certificate points to. @param fresh whether they are fetched anew @throws DerError */
  async pointedTo(certificate: Buffer, fresh: boolean): Promise<Consulted> {
    const lists: HeldCrl[] = [];
    const sources: string[] = [];
    const faults: string[] = [];
    // One after the other: the places of a certificate mostly hold the same.
    for (const url of listLocations(certificate)) {
      try {
        lists.push(await this.#get(url, fresh));
        sources.push(url);
        break;
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
        faults.push(error.message);
      }
    }
    return { lists, sources, faults };
  }

  /**
   * What came from there does not count: it is asked for again soon, whatever end it names. Whoever could put it on the way
   * would else keep the true list out until then.
   */
  doubt(urls: readonly string[]): void {
    const soon = Date.now() + PAUSE;
    for (const url of urls) {
      const kept = this.#fetched.get(url);
      if (kept !== undefined && kept.until > soon) this.#fetched.set(url, { ...kept, until: soon });
    }
  }

  close(): void {
    for (const { handle } of this.#stored) this.#holder.releaseCrl(handle);
    for (const { held } of this.#fetched.values()) this.#holder.releaseCrl(held.handle);
    for (const [handle, timer] of this.#leaving) {
      clearTimeout(timer);
      this.#holder.releaseCrl(handle);
    }
    this.#stored = [];
    this.#fetched.clear();
    this.#leaving.clear();
  }

  async #get(url: string, fresh: boolean): Promise<HeldCrl> {
    const now = Date.now();
    const kept = this.#fetched.get(url);
    if (kept !== undefined && kept.until > now && !fresh) return kept.held;
    const failed = this.#failed.get(url);
    if (failed !== undefined && failed.until > now && !fresh) throw new FetchError(failed.reason);
    // Whoever needs it at the same time waits for the same.
    const running = this.#fetching.get(url) ?? this.#fetch(url);
    this.#fetching.set(url, running);
    return running;
  }

  async #fetch(url: string): Promise<HeldCrl> {
    try {
      const held = await this.#fetchList(url);
      this.#failed.delete(url);
      this.#keep(url, held);
      return held;
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      if (this.#failed.size >= MOST_KEPT) this.#failed.clear();
      this.#failed.set(url, { reason: error.message, until: Date.now() + PAUSE });
      throw error;
    } finally {
      this.#fetching.delete(url);
    }
  }

  async #fetchList(url: string): Promise<HeldCrl> {
    const { fetchFrom, fetchTimeout, largestList } = this.#settings();
    const order = { url, limit: largestList, timeout: fetchTimeout, allowed: fetchFrom };
    const content = await fetchPlain(order);
    try {
      return await this.#holder.createCrl(derOf(content));
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      throw new FetchError(`what is at ${url} is not a revocation list`);
    }
  }

  #keep(url: string, held: HeldCrl): void {
    const before = this.#fetched.get(url);
    this.#fetched.delete(url);
    if (before !== undefined) this.#release(before.held.handle);
    const until = held.nextUpdate > 0 ? held.nextUpdate * 1000 : Date.now() + KEPT_WITHOUT_END;
    // One that has expired already is not asked for again at once.
    this.#fetched.set(url, { held, until: Math.max(until, Date.now() + PAUSE) });
    const [oldest] = this.#fetched;
    if (this.#fetched.size <= MOST_KEPT || oldest === undefined) return;
    this.#fetched.delete(oldest[0]);
    this.#release(oldest[1].held.handle);
  }

  #release(handle: CrlHandle): void {
    const timer = setTimeout(() => {
      this.#leaving.delete(handle);
      this.#holder.releaseCrl(handle);
    }, GRACE);
    timer.unref();
    this.#leaving.set(handle, timer);
  }
}

/** RFC 2585 section 3 has DER; some places serve PEM all the same. */
function derOf(content: Buffer): Buffer {
  if (!content.subarray(0, 11).equals(Buffer.from('-----BEGIN '))) return content;
  try {
    return parsePem(content.toString('latin1'))[0]?.der ?? content;
  } catch (error) {
    if (error instanceof TlspoolError) return content;
    throw error;
  }
}
