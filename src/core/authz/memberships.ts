import { type Donai, formatDonai } from '../identity/donai.ts';
import { formatSelector, walkTexts } from '../identity/selector.ts';
import type { Gap, GroupMembers } from './group.ts';
import type { Member } from './who.ts';

/** How a remote comes to be in a group: by a selector, or through another group. */
export type Link =
  | { readonly by: 'selector'; readonly selector: string; readonly name: Donai }
  | { readonly by: 'group'; readonly group: string };

/** A remote's groups, and why it is in each. */
export type GroupsOf = ReadonlyMap<string, Link>;

interface Node {
  readonly group: string;
  /** As a rule names it. */
  readonly who: string;
  /** Groups that hold it. */
  readonly parents: Node[];
  /** The search that met it last. */
  met: number;
}

/** Who is in which group, found from the remote upwards: work grows with its own groups only. */
export class Memberships {
  readonly #nodes = new Map<string, Node>();
  /** Groups by a selector that they hold. */
  readonly #holders = new Map<string, Node[]>();
  readonly #gaps = new Map<string, Gap>();
  #searches = 0;

  /** @param referenced groups that rules name: they may be missing */
  constructor(groups: readonly GroupMembers[], referenced: Iterable<string> = []) {
    for (const { group } of groups) this.#node(group);
    const known = new Set(this.#nodes.keys());
    for (const { group, members, gap } of groups) {
      for (const member of members) this.#add(group, member);
      if (gap !== undefined) this.#gaps.set(group, gap);
    }
    for (const group of referenced) this.#node(group);
    for (const group of this.#nodes.keys()) {
      if (!known.has(group)) this.#gaps.set(group, missing(group));
    }
    this.#spreadGaps();
  }

  /** Groups in which anyone may be, for all that is known, and why. */
  get gaps(): ReadonlyMap<string, Gap> {
    return this.#gaps;
  }

  /** The groups in which somebody is for certain who matches one of these selectors, as rules name them. */
  whoIs(selectors: readonly string[]): string[] {
    const search = ++this.#searches;
    const found: Node[] = [];
    for (const selector of selectors) {
      const holders = this.#holders.get(selector);
      if (holders !== undefined) meet(holders, search, found);
    }
    for (let at = 0; at < found.length; at++) meet(found[at]?.parents ?? none, search, found);
    return found.map(({ who }) => who);
  }

  /** The groups in which one of the names is for certain, and why. */
  groupsOf(names: readonly Donai[]): GroupsOf {
    const found = new Map<string, Link>();
    for (const name of names) {
      for (const selector of walkTexts(name)) {
        for (const { group } of this.#holders.get(selector) ?? none) {
          if (!found.has(group)) found.set(group, { by: 'selector', selector, name });
        }
      }
    }
    // A Map goes on with what is added while it is walked through.
    for (const group of found.keys()) {
      for (const parent of this.#nodes.get(group)?.parents ?? none) {
        if (!found.has(parent.group)) found.set(parent.group, { by: 'group', group });
      }
    }
    return found;
  }

  #add(group: string, member: Member): void {
    const node = this.#node(group);
    if (member.kind === 'group') this.#node(member.group).parents.push(node);
    else append(this.#holders, formatSelector(member.selector), node);
  }

  #node(group: string): Node {
    const known = this.#nodes.get(group);
    if (known !== undefined) return known;
    const node = { group, who: `group:${group}`, parents: [], met: 0 };
    this.#nodes.set(group, node);
    return node;
  }

  /** Whoever may be in a group may be in all that hold it. Of several reasons always the same one is told. */
  #spreadGaps(): void {
    const seen = new Set<string>();
    for (const [origin, gap] of [...this.#gaps].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const reached = new Set([origin]);
      for (const group of reached) {
        for (const { group: parent } of this.#nodes.get(group)?.parents ?? none) {
          if (seen.has(parent)) continue;
          seen.add(parent);
          reached.add(parent);
          if (!this.#gaps.has(parent)) this.#gaps.set(parent, gap);
        }
      }
    }
  }
}

function meet(nodes: readonly Node[], search: number, found: Node[]): void {
  for (const node of nodes) {
    if (node.met === search) continue;
    node.met = search;
    found.push(node);
  }
}

function missing(group: string): Gap {
  return { group, reason: 'unknown-group', text: `there is no group ${group}` };
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

const none: readonly Node[] = [];

function append(map: Map<string, Node[]>, key: string, value: Node): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
