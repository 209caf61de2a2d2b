import { type Donai, formatDonai } from '../identity/donai.ts';
import { formatSelector, walk } from '../identity/selector.ts';
import type { Gap, GroupMembers } from './group.ts';
import type { Member } from './who.ts';

/** How a remote comes to be in a group: by a selector, or through another group. */
export type Link =
  | { readonly by: 'selector'; readonly selector: string; readonly name: Donai }
  | { readonly by: 'group'; readonly group: string };

/** A remote's groups, and why it is in each. */
export type GroupsOf = ReadonlyMap<string, Link>;

/** Who is in which group, found from the remote upwards: work grows with its own groups only. */
export class Memberships {
  /** Groups by a selector that they hold. */
  readonly #holders = new Map<string, string[]>();
  /** Groups by a group that they hold. */
  readonly #parents = new Map<string, string[]>();
  readonly #gaps = new Map<string, Gap>();
  readonly #groups = new Set<string>();

  /** @param referenced groups that rules name: they may be missing */
  constructor(groups: readonly GroupMembers[], referenced: Iterable<string> = []) {
    for (const { group } of groups) this.#groups.add(group);
    for (const { group, members, gap } of groups) {
      for (const member of members) this.#add(group, member);
      if (gap !== undefined) this.#gaps.set(group, gap);
    }
    for (const group of referenced) this.#require(group);
    this.#spreadGaps();
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Groups in which anyone may be, for all that is known, and why. */
  get gaps(): ReadonlyMap<string, Gap> {
    return this.#gaps;
  }

  /** The groups in which one of the names is for certain. */
  groupsOf(names: readonly Donai[]): GroupsOf {
    const found = new Map<string, Link>();
    for (const name of names) {
      for (const selector of walk(name).map(formatSelector)) {
        for (const group of this.#holders.get(selector) ?? none) {
          if (!found.has(group)) found.set(group, { by: 'selector', selector, name });
        }
      }
    }
    // A Map goes on with what is added while it is walked through.
    for (const group of found.keys()) {
      for (const parent of this.#parents.get(group) ?? none) {
        if (!found.has(parent)) found.set(parent, { by: 'group', group });
      }
    }
    return found;
  }

  #add(group: string, member: Member): void {
    if (member.kind === 'selector') {
      append(this.#holders, formatSelector(member.selector), group);
    } else {
      append(this.#parents, member.group, group);
      this.#require(member.group);
    }
  }

  #require(group: string): void {
    if (this.#groups.has(group) || this.#gaps.has(group)) return;
    this.#gaps.set(group, {
      group,
      reason: 'unknown-group',
      text: `there is no group ${group}`,
    });
  }

  /** Whoever may be in a group may be in all that hold it. Of several reasons always the same one is told. */
  #spreadGaps(): void {
    const seen = new Set<string>();
    for (const [origin, gap] of [...this.#gaps].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const reached = new Set([origin]);
      for (const group of reached) {
        for (const parent of this.#parents.get(group) ?? none) {
          if (seen.has(parent)) continue;
          seen.add(parent);
          reached.add(parent);
          if (!this.#gaps.has(parent)) this.#gaps.set(parent, gap);
        }
      }
    }
  }
}

/** The way from a group down to the name that is in it: `john@example.com`, `staff`, `list-members`. */
export function pathTo(group: string, groups: GroupsOf): readonly string[] {
  const path: string[] = [];
  for (let at: string | undefined = group; at !== undefined; ) {
    const link = groups.get(at);
    if (link === undefined) return [];
    path.unshift(at);
    at = link.by === 'group' ? link.group : undefined;
    if (link.by === 'selector') {
      const name = formatDonai(link.name);
      path.unshift(link.selector === name ? name : `${name} (${link.selector})`);
    }
  }
  return path;
}

const none: readonly string[] = [];

function append(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
