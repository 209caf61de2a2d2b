import { formatDonai } from '../identity/donai.ts';
import type { Decision } from './decision.ts';
import { pathTo } from './memberships.ts';
import type { Considered, Policy } from './policy.ts';
import type { Question } from './question.ts';
import { describeRule, type Rule } from './rule.ts';
import { reasonWords, remoteWords } from './words.ts';

/** A decision with all that led to it. */
export interface Explanation {
  readonly allowed: boolean;
  readonly reason: Decision['reason'];
  /** The reason in words. */
  readonly words: string;
  readonly remote: string;
  readonly localId: string;
  readonly service: string;
  /** Whether the local identity lets in only those whom a rule allows. */
  readonly closed: boolean;
  readonly rule: { readonly name: string; readonly text: string; readonly note: string } | null;
  /** From the remote to the group of the rule that decided: `john@example.com`, `staff`, `list-members`. */
  readonly path: readonly string[];
  readonly groups: readonly string[];
  /** Every rule for this local identity and service. */
  readonly considered: readonly ConsideredRule[];
}

export interface ConsideredRule {
  readonly rule: string;
  readonly text: string;
  readonly applies: boolean;
  readonly words: string;
}

export function explain(policy: Policy, question: Question): Explanation {
  const decision = policy.decide(question);
  const { rule } = decision;
  const considered = policy.consider(question).sort(byWeight);
  return {
    allowed: decision.allowed,
    reason: decision.reason,
    words: reasonWords(decision, question),
    remote: remoteWords(question.remote),
    localId: formatDonai(question.localId),
    service: question.service,
    closed: policy.closes(question.localId),
    rule:
      rule === undefined ? null : { name: rule.name, text: describeRule(rule), note: rule.note },
    path: rule === undefined ? [] : pathOf(policy, rule, question),
    groups: [...policy.groupsOf(question.remote).keys()].sort(),
    considered: considered.map((one) => ({
      rule: one.rule.name,
      text: describeRule(one.rule),
      applies: one.outcome === 'applies' && one.gap === undefined,
      words: outcomeWords(one, policy, question),
    })),
  };
}

function pathOf(policy: Policy, { who, effect }: Rule, { remote }: Question): readonly string[] {
  if (who.kind !== 'group') return [];
  return pathTo(
    who.group,
    effect === 'deny' ? policy.groupsOfNames(remote) : policy.groupsOf(remote),
  );
}

const weights: readonly Considered['outcome'][] = [
  'applies',
  'unknown',
  'not-validated',
  'expired',
  'outside-hours',
  'address',
  'other-who',
];

/** What applies comes first, denies before allows. */
function byWeight(one: Considered, other: Considered): number {
  const weight = ({ outcome, gap, rule }: Considered) =>
    weights.indexOf(outcome) * 4 + (gap === undefined ? 0 : 2) + (rule.effect === 'deny' ? 0 : 1);
  return weight(one) - weight(other) || (one.rule.name < other.rule.name ? -1 : 1);
}

function outcomeWords(considered: Considered, policy: Policy, question: Question): string {
  const { outcome, gap, rule } = considered;
  switch (outcome) {
    case 'applies': {
      if (gap !== undefined) {
        return rule.effect === 'deny'
          ? `taken to apply: ${gap.text}`
          : `not taken to apply: ${gap.text}`;
      }
      const path = pathOf(policy, rule, question);
      return path.length === 0 ? 'applies' : `applies: ${path.join(' → ')}`;
    }
    case 'unknown':
      return "the client's address is not known";
    case 'not-validated':
      return 'validated in another way';
    case 'expired':
      return 'is over';
    case 'outside-hours':
      return 'at other times';
    case 'address':
      return 'for other addresses';
    case 'other-who':
      return 'about others';
  }
}
