import { setTimeout as pause } from 'node:timers/promises';
import { TlspoolError } from '../errors.ts';
import { LONGEST_TIMER } from '../longest-timer.ts';
import type { Log } from '../telemetry/log.ts';
import type { LdapSource } from './group.ts';
import { fetchLdapGroup } from './ldap-group.ts';
import type { Member } from './who.ts';

export interface DirectoryOrder {
  readonly group: string;
  readonly source: LdapSource;
  readonly log: Log;
  /** When the directory was read last; epoch ms. */
  readonly since: number | undefined;
  /** What it says now. */
  readonly fetched: (members: readonly Member[]) => Promise<void>;
}

/** ms until a directory that cannot be reached is tried again, at most. */
const LONGEST_RETRY = 30_000;
const SHORTEST_RETRY = 1_000;

/** Reads a group of a directory again and again: one look at a time, however long it takes. */
export class DirectoryFollower {
  readonly #order: DirectoryOrder;
  readonly #stopped = new AbortController();
  #failing = false;

  constructor(order: DirectoryOrder) {
    this.#order = order;
    void this.#follow();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #follow(): Promise<void> {
    const { source, since } = this.#order;
    const { signal } = this.#stopped;
    let retry = SHORTEST_RETRY;
    let wait = since === undefined ? 0 : since + source.refresh * 1_000 - Date.now();
    while (!signal.aborted) {
      if (wait > 0 && !(await sleep(wait, signal))) return;
      if (await this.#look()) {
        retry = SHORTEST_RETRY;
        wait = source.refresh * 1_000;
      } else {
        wait = Math.min(retry, source.refresh * 1_000);
        retry = Math.min(retry * 2, LONGEST_RETRY);
      }
    }
  }

  /** Whether the directory answered. Told once when it stops doing so, and once when it does again. */
  async #look(): Promise<boolean> {
    const { group, source, log, fetched } = this.#order;
    try {
      const { members, nameless } = await fetchLdapGroup(source, this.#stopped.signal);
      const fields = { group, members: members.length, nameless: nameless || undefined };
      if (this.#failing) log.info(fields, 'a directory answers again');
      else log.debug(fields, 'group was read');
      this.#failing = false;
      await fetched(members);
      return true;
    } catch (error) {
      if (this.#stopped.signal.aborted) return false;
      const known = error instanceof TlspoolError;
      if (!known) log.error({ group, err: error }, 'members of a group cannot be kept');
      else if (!this.#failing) {
        log.warn({ group, error: error.message }, 'members of a group are not known');
      }
      this.#failing = true;
      return false;
    }
  }
}

/** False: it was stopped. */
async function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await pause(Math.min(ms, LONGEST_TIMER), undefined, { signal, ref: false });
    return true;
  } catch {
    return false;
  }
}
