import type { Donai } from '../identity/donai.ts';
import { formatSelector, walk } from '../identity/selector.ts';
import type { Rule } from './rule.ts';
import { RuleSlots } from './rule-slots.ts';
import { formatWho } from './who.ts';

/** What was said about a local identity outright. */
export interface Standing {
  /** Selector of local identities. */
  readonly local: string;
  readonly is: 'open' | 'closed';
}

/** The rules of one WHO for one local identity and service. */
export interface Entry {
  readonly allow: RuleSlots;
  readonly deny: RuleSlots;
}

/** The rules for one service of one selector of local identities, by WHO. */
export type Bucket = ReadonlyMap<string, Entry>;

interface Local {
  readonly anyService: Map<string, Entry>;
  readonly services: Map<string, Map<string, Entry>>;
  standing: Standing['is'] | undefined;
  rules: number;
}

/** Rules by what they are about: a question meets only those that concern it, however many there are. */
export class RuleIndex {
  readonly #locals = new Map<string, Local>();
  readonly #rules = new Map<string, Rule>();
  /** How many rules name each group. */
  readonly #groups = new Map<string, number>();

  get size(): number {
    return this.#rules.size;
  }

  /** Groups that rules name. */
  get groups(): Iterable<string> {
    return this.#groups.keys();
  }

  /** In place of one of the same name. */
  add(rule: Rule): void {
    this.remove(rule.name);
    this.#rules.set(rule.name, rule);
    const local = this.#local(formatSelector(rule.to));
    const bucket = bucketOf(local, rule.service);
    const key = formatWho(rule.who);
    const entry = bucket.get(key) ?? { allow: new RuleSlots(), deny: new RuleSlots() };
    bucket.set(key, entry);
    entry[rule.effect].add(rule);
    local.rules += 1;
    this.#countGroup(rule, 1);
  }

  /** Returns the rule, if there was one of that name. */
  remove(name: string): Rule | undefined {
    const rule = this.#rules.get(name);
    if (rule === undefined) return undefined;
    this.#rules.delete(name);
    const local = this.#local(formatSelector(rule.to));
    const bucket = bucketOf(local, rule.service);
    const key = formatWho(rule.who);
    const { allow, deny } = bucket.get(key) ?? { allow: new RuleSlots(), deny: new RuleSlots() };
    const left =
      rule.effect === 'allow'
        ? { allow: allow.without(rule), deny }
        : { allow, deny: deny.without(rule) };
    if (left.allow.isEmpty && left.deny.isEmpty) bucket.delete(key);
    else bucket.set(key, left);
    local.rules -= 1;
    this.#countGroup(rule, -1);
    return rule;
  }

  /** In place of all that were said before. */
  setStandings(standings: readonly Standing[]): void {
    for (const local of this.#locals.values()) local.standing = undefined;
    for (const { local, is } of standings) this.#local(local).standing = is;
  }

  /** What was said about a local identity, its selectors included. */
  concerning(localId: Donai): Concern {
    const locals: Local[] = [];
    for (const selector of walk(localId)) {
      const local = this.#locals.get(formatSelector(selector));
      if (local !== undefined) locals.push(local);
    }
    return new Concern(locals);
  }

  #countGroup({ who }: Rule, change: number): void {
    if (who.kind !== 'group') return;
    const count = (this.#groups.get(who.group) ?? 0) + change;
    if (count > 0) this.#groups.set(who.group, count);
    else this.#groups.delete(who.group);
  }

  #local(selector: string): Local {
    let local = this.#locals.get(selector);
    if (local === undefined) {
      local = { anyService: new Map(), services: new Map(), standing: undefined, rules: 0 };
      this.#locals.set(selector, local);
    }
    return local;
  }
}

/** All that concerns one local identity. */
export class Concern {
  readonly #locals: readonly Local[];
  /** 'closed' was said of one of its selectors, else 'open' of one. */
  readonly standing: Standing['is'] | undefined;
  /** Whether a rule concerns it, for whatever service. */
  readonly hasRules: boolean;
  readonly rules: number;

  constructor(locals: readonly Local[]) {
    this.#locals = locals;
    const said = locals.map(({ standing }) => standing);
    this.standing = said.includes('closed') ? 'closed' : said.find((is) => is === 'open');
    this.rules = locals.reduce((sum, { rules }) => sum + rules, 0);
    this.hasRules = this.rules > 0;
  }

  /** The rules for a service, and for any. */
  buckets(service: string): readonly Bucket[] {
    const found: Bucket[] = [];
    for (const { anyService, services } of this.#locals) {
      const bucket = services.get(service);
      if (bucket !== undefined) found.push(bucket);
      if (anyService.size > 0) found.push(anyService);
    }
    return found;
  }
}

function bucketOf(local: Local, service: string | undefined): Map<string, Entry> {
  if (service === undefined) return local.anyService;
  const bucket = local.services.get(service) ?? new Map<string, Entry>();
  local.services.set(service, bucket);
  return bucket;
}
