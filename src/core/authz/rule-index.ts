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
  /** Groups that rules name. */
  readonly groups = new Set<string>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(rule: Rule): void {
    const local = this.#local(formatSelector(rule.to));
    const bucket = rule.service === undefined ? local.anyService : serviceOf(local, rule.service);
    const key = formatWho(rule.who);
    const entry = bucket.get(key) ?? { allow: new RuleSlots(), deny: new RuleSlots() };
    bucket.set(key, entry);
    entry[rule.effect].add(rule);
    local.rules += 1;
    this.#size += 1;
    if (rule.who.kind === 'group') this.groups.add(rule.who.group);
  }

  addStanding({ local, is }: Standing): void {
    this.#local(local).standing = is;
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

function serviceOf(local: Local, service: string): Map<string, Entry> {
  const bucket = local.services.get(service) ?? new Map<string, Entry>();
  local.services.set(service, bucket);
  return bucket;
}
