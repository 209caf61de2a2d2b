import type { Donai } from '../identity/donai.ts';
import { isDonai, walkTexts } from '../identity/selector.ts';
import type { Memberships } from './memberships.ts';
import type { Rule } from './rule.ts';
import { formatWho, parseWho } from './who.ts';

/** The rules that are, or may be, about a remote: those of its groups included. @throws RuleError, DonaiError */
export function rulesAbout(text: string, rules: readonly Rule[], memberships: Memberships): Rule[] {
  const who = parseWho(text);
  if (who.kind === 'selector' && isDonai(who.selector)) {
    return concerning(who.selector, rules, memberships);
  }
  // Of many at once those rules that name just them.
  const isOne = who.kind === 'authenticated' || who.kind === 'anonymous';
  const words = isOne ? ['everyone', who.kind] : [formatWho(who)];
  return rules.filter((rule) => words.includes(formatWho(rule.who)));
}

function concerning(donai: Donai, rules: readonly Rule[], memberships: Memberships): Rule[] {
  const words = new Set([
    'everyone',
    'authenticated',
    ...walkTexts(donai),
    ...[...memberships.groupsOf([donai]).keys(), ...memberships.gaps.keys()].map(
      (group) => `group:${group}`,
    ),
  ]);
  return rules.filter(({ who }) => words.has(formatWho(who)));
}
