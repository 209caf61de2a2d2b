import { stat } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import type { Log } from '../telemetry/log.ts';
import { DirectoryFollower } from './directory-follower.ts';
import type { Group, GroupMembers, LdapSource } from './group.ts';
import { readGroupFile } from './group-file.ts';
import { fetchedMembers } from './load-policy.ts';
import { type FetchedMembers, putFetched, readFetched } from './stored-groups.ts';

/** ms between looks at a file. */
const GLANCE = 1_000;

/** Keeps the members of groups whose source is not the store at hand, and up to date. */
export class GroupSources implements Disposable {
  readonly #db: Kysely<Schema>;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #followed = new Map<string, Followed>();

  /** @param changed called after members changed */
  constructor(db: Kysely<Schema>, log: Log, changed: () => void) {
    this.#db = db;
    this.#log = log;
    this.#changed = changed;
  }

  /** Follows these groups and no others; resolves when something is known of each. */
  async follow(groups: readonly Group[]): Promise<void> {
    const wanted = new Map(
      groups.filter(({ source }) => source.kind !== 'store').map((group) => [group.name, group]),
    );
    for (const [name, followed] of this.#followed) {
      if (JSON.stringify(wanted.get(name)?.source) === followed.source) continue;
      followed.stop();
      this.#followed.delete(name);
    }
    const fresh = [...wanted.values()].filter(({ name }) => !this.#followed.has(name));
    await Promise.all(fresh.map((group) => this.#start(group)));
  }

  /** What is known at this moment; of a group that is about to be followed, that is nothing. */
  members(group: string, now: number): GroupMembers {
    return this.#followed.get(group)?.members(now) ?? notReadYet(group);
  }

  /** When, in epoch ms, something that is believed now will not be any more. */
  get believedUntil(): number {
    return Math.min(...[...this.#followed.values()].map(({ believedUntil }) => believedUntil()));
  }

  [Symbol.dispose](): void {
    for (const { stop } of this.#followed.values()) stop();
    this.#followed.clear();
  }

  async #start(group: Group): Promise<void> {
    const { source } = group;
    if (source.kind === 'file') {
      this.#followed.set(group.name, await this.#followFile(group.name, source.path));
    } else if (source.kind === 'ldap') {
      const fetched = (await readFetched(this.#db)).get(group.name);
      this.#followed.set(group.name, this.#followDirectory(group.name, source, fetched));
    }
  }

  async #followFile(group: string, path: string): Promise<Followed> {
    // Each look is before the reading that it leads to: what is written in between is seen by the next one.
    let seen = await looksOf(path);
    let known = await readGroupFile(group, path);
    this.#tell(known);
    let looking = false;
    const look = async () => {
      const now = await looksOf(path);
      if (now === seen) return;
      seen = now;
      known = await readGroupFile(group, path);
      this.#tell(known);
      this.#changed();
    };
    const timer = setInterval(() => {
      if (looking) return;
      looking = true;
      look().finally(() => {
        looking = false;
      });
    }, GLANCE).unref();
    return {
      source: JSON.stringify({ kind: 'file', path }),
      members: () => known,
      believedUntil: () => Number.POSITIVE_INFINITY,
      stop: () => clearInterval(timer),
    };
  }

  /** What it said last is believed until the stale limit; nobody waits for what it says next. */
  #followDirectory(group: string, source: LdapSource, first: FetchedMembers | undefined): Followed {
    let fetched = first;
    const follower = new DirectoryFollower({
      group,
      source,
      log: this.#log,
      // What a clock that was ahead has written is older than it says.
      since: first !== undefined && first.at <= Date.now() ? first.at : undefined,
      fetched: async (members) => {
        fetched = { at: Date.now(), members };
        this.#changed();
        await putFetched(this.#db, group, fetched);
      },
    });
    const end = () => (fetched === undefined ? Infinity : fetched.at + source.stale * 1_000);
    return {
      source: JSON.stringify(source),
      members: (now) => fetchedMembers(group, source, fetched, now),
      believedUntil: () => (end() > Date.now() ? end() : Infinity),
      stop: () => follower.stop(),
    };
  }

  #tell({ group, members, gap }: GroupMembers): void {
    if (gap === undefined) this.#log.debug({ group, members: members.length }, 'group was read');
    else this.#log.warn({ group, error: gap.text }, 'members of a group are not known');
  }
}

function notReadYet(group: string): GroupMembers {
  const text = `the members of ${group} are being read from elsewhere`;
  return { group, members: [], gap: { group, reason: 'stale', text } };
}

/** Differs when a file was changed, replaced, or made. */
async function looksOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

interface Followed {
  /** JSON: another source is another group. */
  readonly source: string;
  readonly members: (now: number) => GroupMembers;
  readonly believedUntil: () => number;
  readonly stop: () => void;
}
