import { type Donai, formatDonai } from '../identity/donai.ts';
import { walkTexts } from '../identity/selector.ts';
import type { Decision, ReasonCode } from './decision.ts';
import type { Gap } from './group.ts';
import type { GroupsOf, Memberships } from './memberships.ts';
import type { Question, Remote } from './question.ts';
import type { Rule } from './rule.ts';
import type { Bucket, Concern, Entry, RuleIndex } from './rule-index.ts';
import { fullOutcome, type Miss, type Outcome, type RuleSlots } from './rule-slots.ts';

/** What a client must show of itself for a local identity and service, for rules to be able to decide. */
export type Demand = 'ignore' | 'request' | 'require';

/** A remote as rules see it. */
interface Subject {
  /** WHO that it certainly is. */
  readonly is: Words;
  /** WHO that one of its other names certainly is: for denies only. */
  readonly others: Words;
  /** Whether it can be in a group at all. */
  readonly hasName: boolean;
}

/** A rule, and why it does or does not apply. */
export interface Considered {
  readonly rule: Rule;
  readonly outcome: Outcome | 'other-who';
  /** Whether the remote is meant is not known. */
  readonly gap: Gap | undefined;
}

/** Subjects that are remembered; more begin anew. */
const MOST_SUBJECTS = 16_384;
const MOST_CONCERNS = 4_096;

/**
 * Rules and groups as of one moment, and the decisions that follow from them. Pure: neither order nor specificity of
 * rules matters. Any deny that applies wins, else any allow, else what is closed stays closed.
 */
export class Policy {
  readonly #rules: RuleIndex;
  readonly #memberships: Memberships;
  readonly #closedByDefault: boolean;
  readonly #subjects = new Map<string, Subject>();
  readonly #concerns = new Map<string, Concern>();

  /** @param closedByDefault whether a local identity that no rule concerns is closed: `authorisation required` */
  constructor(rules: RuleIndex, memberships: Memberships, closedByDefault: boolean) {
    this.#rules = rules;
    this.#memberships = memberships;
    this.#closedByDefault = closedByDefault;
  }

  decide(question: Question): Decision {
    const concern = this.#concern(question.localId);
    const verdict = new Verdict(question);
    const { is, others, hasName } = this.#subject(question.remote);
    const { gaps } = this.#memberships;
    for (const bucket of concern.buckets(question.service)) {
      is.meet(bucket, (entry) => verdict.add(entry));
      others.meet(bucket, ({ deny }) => verdict.addDenies(deny, undefined));
      if (!hasName || gaps.size === 0) continue;
      for (const [who, gap] of gapsIn(bucket, gaps)) {
        if (!is.has(who)) verdict.addUncertain(bucket.get(who), gap, others.has(who));
      }
    }
    return verdict.decision(this.isClosed(concern));
  }

  /** Every rule for the local identity and the service asked for, and what came of it. */
  consider(question: Question): Considered[] {
    const subject = this.#subject(question.remote);
    const gaps = subject.hasName ? this.#memberships.gaps : noGaps;
    const considered: Considered[] = [];
    for (const bucket of this.#concern(question.localId).buckets(question.service)) {
      for (const [who, { allow, deny }] of bucket) {
        const gap = gaps.get(groupIn(who));
        for (const rule of [...allow.all(), ...deny.all()]) {
          const certain =
            subject.is.has(who) || (rule.effect === 'deny' && subject.others.has(who));
          const outcome = certain || gap !== undefined ? fullOutcome(rule, question) : 'other-who';
          considered.push({ rule, outcome, gap: certain ? undefined : gap });
        }
      }
    }
    return considered;
  }

  /** The groups that a remote is certainly in; those of all names that it shows, proven or not. */
  groupsOfNames({ id, names }: Remote): GroupsOf {
    return this.#memberships.groupsOf(id === undefined ? names : [id, ...names]);
  }

  /** The groups that a remote is certainly in. */
  groupsOf({ id }: Remote): GroupsOf {
    return this.#memberships.groupsOf(id === undefined ? [] : [id]);
  }

  /** Whether a local identity lets in only those whom a rule allows. */
  closes(localId: Donai): boolean {
    return this.isClosed(this.#concern(localId));
  }

  /** What a server must ask of its clients. */
  demand(localId: Donai, service: string): Demand {
    const concern = this.#concern(localId);
    if (!this.isClosed(concern)) return concern.hasRules ? 'request' : 'ignore';
    for (const bucket of concern.buckets(service)) {
      for (const who of ['anonymous', 'everyone']) {
        if (bucket.get(who)?.allow.isEmpty === false) return 'request';
      }
    }
    return 'require';
  }

  isClosed({ standing, hasRules }: Concern): boolean {
    if (standing !== undefined) return standing === 'closed';
    return hasRules || this.#closedByDefault;
  }

  #concern(localId: Donai): Concern {
    const key = formatDonai(localId);
    return remembered(this.#concerns, key, MOST_CONCERNS, () => this.#rules.concerning(localId));
  }

  #subject(remote: Remote): Subject {
    const { id, names } = remote;
    const name = id === undefined ? '' : formatDonai(id);
    const key = names.length === 0 ? name : `${name} ${names.map(formatDonai).join(' ')}`;
    return remembered(this.#subjects, key, MOST_SUBJECTS, () => this.#readSubject(remote));
  }

  #readSubject({ id, names }: Remote): Subject {
    const is = id === undefined ? ['everyone', 'anonymous'] : ['everyone', 'authenticated'];
    if (id !== undefined) this.#addWords(selectorsOf(id), is);
    const others: string[] = [];
    if (names.length > 0) this.#addWords(names.flatMap(selectorsOf), others);
    return {
      is: new Words(is),
      others: new Words(others),
      hasName: id !== undefined || names.length > 0,
    };
  }

  #addWords(selectors: readonly string[], words: string[]): void {
    words.push(...selectors, ...this.#memberships.whoIs(selectors));
  }
}

/** More words than this are looked up in, instead of each being looked for. */
const MANY = 32;

/** WHO that a remote is, as rules name it. */
class Words {
  readonly #list: readonly string[];
  #set: ReadonlySet<string> | undefined;

  constructor(list: readonly string[]) {
    this.#list = list;
  }

  has(who: string): boolean {
    if (this.#list.length <= MANY) return this.#list.includes(who);
    this.#set ??= new Set(this.#list);
    return this.#set.has(who);
  }

  /** Calls with the entries of these WHO, found from the smaller side. */
  meet(bucket: Bucket, met: (entry: Entry) => void): void {
    if (this.#list.length > MANY && bucket.size < this.#list.length) {
      for (const [who, entry] of bucket) {
        if (this.has(who)) met(entry);
      }
      return;
    }
    for (const who of this.#list) {
      const entry = bucket.get(who);
      if (entry !== undefined) met(entry);
    }
  }
}

/** The groups of a bucket that are not known whole. */
function* gapsIn(bucket: Bucket, gaps: ReadonlyMap<string, Gap>): Iterable<readonly [string, Gap]> {
  if (bucket.size < gaps.size) {
    for (const who of bucket.keys()) {
      const gap = gaps.get(groupIn(who));
      if (gap !== undefined) yield [who, gap];
    }
    return;
  }
  for (const [group, gap] of gaps) yield [`group:${group}`, gap];
}

/** Rules know no names without a dot: none must be mistaken for one of their words. */
function selectorsOf(name: Donai): string[] {
  const selectors = walkTexts(name);
  const isWord = name.user === undefined && !name.domain.includes('.');
  return isWord && name.domain !== 'localhost' ? selectors.slice(1) : selectors;
}

const noGaps: ReadonlyMap<string, Gap> = new Map();

function groupIn(who: string): string {
  return who.startsWith('group:') ? who.slice('group:'.length) : '';
}

/** Gathers what applies; the same whatever the order in which it comes. */
class Verdict {
  readonly #question: Question;
  #deny: Rule | undefined;
  #mayDeny: Candidate | undefined;
  #allow: Rule | undefined;
  /** What came nearest to letting it in. */
  #nearly: Candidate | undefined;

  constructor(question: Question) {
    this.#question = question;
  }

  /** Rules for whom the remote certainly is. */
  add({ allow, deny }: Entry): void {
    this.addDenies(deny, undefined);
    if (allow.isEmpty) return;
    this.#addAllows(allow, undefined);
    if (allow.elsewhere !== undefined) this.#missed(allow.elsewhere, 'address', undefined);
  }

  /** Rules for a group in which the remote may be. @param denied whether it certainly is by another of its names */
  addUncertain(entry: Entry | undefined, gap: Gap, denied: boolean): void {
    if (entry === undefined) return;
    if (!denied) this.addDenies(entry.deny, gap);
    this.#addAllows(entry.allow, gap);
  }

  addDenies(deny: RuleSlots, gap: Gap | undefined): void {
    if (deny.isEmpty) return;
    for (const [rule, outcome] of deny.outcomes(this.#question)) {
      if (outcome === 'applies' && gap === undefined) this.#deny = first(this.#deny, rule);
      else if (outcome === 'applies' || outcome === 'unknown') {
        const reason = gap?.reason ?? 'address-unknown';
        this.#mayDeny = firstOf(this.#mayDeny, { rule, reason, gap });
      }
    }
  }

  decision(closed: boolean): Decision {
    if (this.#deny !== undefined) return decided(false, 'denied-by-rule', this.#deny);
    if (this.#mayDeny !== undefined) {
      const { rule, reason, gap } = this.#mayDeny;
      return decided(false, reason, rule, gap);
    }
    if (this.#allow !== undefined) return decided(true, 'allowed-by-rule', this.#allow);
    if (!closed) return decided(true, 'open', undefined);
    if (this.#nearly !== undefined) {
      const { rule, reason, gap } = this.#nearly;
      return decided(false, reason, rule, gap);
    }
    return decided(false, this.#unknownRemote() ?? 'no-rule', undefined);
  }

  #unknownRemote(): ReasonCode | undefined {
    const { id, names } = this.#question.remote;
    if (id !== undefined) return undefined;
    return names.length > 0 ? 'not-validated' : 'anonymous';
  }

  #addAllows(allow: RuleSlots, gap: Gap | undefined): void {
    for (const [rule, outcome] of allow.outcomes(this.#question)) {
      if (outcome === 'applies' && gap === undefined) this.#allow = first(this.#allow, rule);
      else if (outcome === 'applies') this.#missed(rule, undefined, gap);
      else this.#missed(rule, outcome, gap);
    }
  }

  #missed(rule: Rule, outcome: Miss | 'unknown' | undefined, gap: Gap | undefined): void {
    const reason =
      outcome === 'unknown' || outcome === undefined ? (gap?.reason ?? 'address-unknown') : outcome;
    this.#nearly = firstOf(this.#nearly, { rule, reason, gap });
  }
}

interface Candidate {
  readonly rule: Rule;
  readonly reason: ReasonCode;
  readonly gap: Gap | undefined;
}

function decided(
  allowed: boolean,
  reason: ReasonCode,
  rule: Rule | undefined,
  gap: Gap | undefined = undefined,
): Decision {
  return { allowed, reason, rule, gap };
}

/** One of several must be named: always the same. */
function first(one: Rule | undefined, other: Rule): Rule {
  return one === undefined || other.name < one.name ? other : one;
}

function firstOf(one: Candidate | undefined, other: Candidate): Candidate {
  if (one === undefined) return other;
  // What time or an operator will mend comes before what never fitted.
  const nearness = NEARNESS.indexOf(one.reason) - NEARNESS.indexOf(other.reason);
  if (nearness !== 0) return nearness > 0 ? other : one;
  return other.rule.name < one.rule.name ? other : one;
}

const NEARNESS: readonly ReasonCode[] = [
  'stale',
  'unknown-group',
  'not-validated',
  'expired',
  'outside-hours',
  'address',
  'address-unknown',
];

function remembered<Value>(
  map: Map<string, Value>,
  key: string,
  most: number,
  make: () => Value,
): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  if (map.size >= most) map.clear();
  const made = make();
  map.set(key, made);
  return made;
}
