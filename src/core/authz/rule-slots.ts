import { type AddressPrefix, contains, PrefixTable, parseClientAddress } from './address-prefix.ts';
import { isWithin } from './hours.ts';
import type { Question } from './question.ts';
import type { Rule } from './rule.ts';

/** Whether a rule's conditions hold; 'unknown' where a deny must be taken to apply, and an allow not. */
export type Outcome = 'applies' | 'unknown' | Miss;
/** Which condition does not hold. */
export type Miss = 'not-validated' | 'outside-hours' | 'expired' | 'address';

type Judged = readonly [Rule, Outcome];

/** Rules that differ in nothing but their end: the last one to end speaks for all. */
interface Slot {
  rules: Rule[];
}

/** The rules of one effect for one local identity, service and WHO, by their conditions. */
export class RuleSlots {
  readonly #anywhere = new Map<string, Slot>();
  readonly #somewhere = new PrefixTable<Map<string, Slot>>();
  /** One of those that are for some addresses only: always the same. */
  #elsewhere: Rule | undefined;

  get isEmpty(): boolean {
    return this.#elsewhere === undefined && this.#anywhere.size === 0;
  }

  add(rule: Rule): void {
    const { from } = rule.when;
    if (from.length === 0) addTo(this.#anywhere, rule);
    else if (this.#elsewhere === undefined || rule.name < this.#elsewhere.name) {
      this.#elsewhere = rule;
    }
    for (const prefix of from) addTo(this.#at(prefix), rule);
  }

  /** The others. */
  without(rule: Rule): RuleSlots {
    const others = new RuleSlots();
    for (const other of this.all()) if (other !== rule) others.add(other);
    return others;
  }

  /** A rule of each slot that the question's address leads to, and whether it applies. */
  outcomes(question: Question): readonly Judged[] {
    const judged: Judged[] = [];
    judge(this.#anywhere, question, judged);
    if (this.#elsewhere === undefined) return judged;
    const address = parseClientAddress(question.address);
    if (address !== undefined) {
      for (const slots of this.#somewhere.holding(address)) judge(slots, question, judged);
      return judged;
    }
    const uncertain: Judged[] = [];
    for (const slots of this.#somewhere.all()) judge(slots, question, uncertain);
    for (const [rule, outcome] of uncertain) {
      judged.push([rule, outcome === 'applies' ? 'unknown' : outcome]);
    }
    return judged;
  }

  /** One that is for some addresses only, if there are such. */
  get elsewhere(): Rule | undefined {
    return this.#elsewhere;
  }

  /** Every rule, those of several blocks once. */
  all(): Set<Rule> {
    const tables = [this.#anywhere, ...this.#somewhere.all()];
    return new Set(tables.flatMap((slots) => [...slots.values()].flatMap(({ rules }) => rules)));
  }

  #at(prefix: AddressPrefix): Map<string, Slot> {
    return this.#somewhere.at(prefix, () => new Map());
  }
}

/** Conditions other than the address. */
function outcomeOf({ when }: Rule, { remote, at }: Question): Outcome {
  if (when.expires !== undefined && at >= when.expires) return 'expired';
  if (when.hours !== undefined && !isWithin(when.hours, at)) return 'outside-hours';
  if (when.validatedBy.length === 0) return 'applies';
  const validated = when.validatedBy.some((letters) =>
    [...letters].every((letter) => remote.validatedBy.includes(letter)),
  );
  return validated ? 'applies' : 'not-validated';
}

/** The address included. */
export function fullOutcome(rule: Rule, question: Question): Outcome {
  const outcome = outcomeOf(rule, question);
  if (rule.when.from.length === 0 || (outcome !== 'applies' && outcome !== 'unknown'))
    return outcome;
  const address = parseClientAddress(question.address);
  if (address === undefined) return 'unknown';
  return rule.when.from.some((prefix) => contains(prefix, address)) ? outcome : 'address';
}

function judge(slots: ReadonlyMap<string, Slot>, question: Question, judged: Judged[]): void {
  for (const { rules } of slots.values()) {
    const [rule] = rules;
    if (rule !== undefined) judged.push([rule, outcomeOf(rule, question)]);
  }
}

function addTo(slots: Map<string, Slot>, rule: Rule): void {
  const { validatedBy, hours } = rule.when;
  const conditions = `${[...validatedBy].sort().join(',')} ${hours?.text ?? ''}`;
  const slot = slots.get(conditions);
  if (slot === undefined) slots.set(conditions, { rules: [rule] });
  else if (speaksFor(rule, slot.rules[0])) slot.rules.unshift(rule);
  else slot.rules.push(rule);
}

/** Of two that differ in their end only, the later; of equals always the same. */
function speaksFor(rule: Rule, other: Rule | undefined): boolean {
  if (other === undefined) return true;
  const [end, otherEnd] = [ends(rule), ends(other)];
  return end === otherEnd ? rule.name < other.name : end > otherEnd;
}

function ends({ when }: Rule): number {
  return when.expires ?? Number.POSITIVE_INFINITY;
}
