import { readFileSync } from 'node:fs';
import { systemReason, TlspoolError, UsageError } from '../errors.ts';
import { formatDonai, parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import { formatSelector, parseSelector } from '../identity/selector.ts';
import type { ChoiceQuestion, IdentityAsker, IdentityChoice } from './choice-question.ts';

/** What to show to remotes of one selector. */
interface ChoiceRule {
  /** '' shows nothing. */
  readonly localId: string;
  /** Whether it is kept in the disclosure list, for the rule's selector. */
  readonly remember: boolean;
}

/** By selector. */
export type ChoiceRules = ReadonlyMap<string, ChoiceRule>;

/**
 * Rules for machines, a line each: `SELECTOR LOCALID [remember]`, or `SELECTOR nothing`. The most specific selector of
 * a remote counts, as with disclosure; without one nothing is shown.
 * @throws UsageError with the line that is wrong; TlspoolError `unreadable`
 */
export function readChoiceRules(path: string): ChoiceRules {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const message = `cannot read ${path}: ${systemReason(cause)}`;
    throw new TlspoolError('unreadable', message, { cause, exit: 2 });
  }
  return parseChoiceRules(text, path);
}

export function parseChoiceRules(text: string, path: string): ChoiceRules {
  const rules = new Map<string, ChoiceRule>();
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `${path}:${index + 1}`;
    const [selector, rule] = parseRule(line, where);
    if (rules.has(selector)) throw new UsageError(`${where}: ${selector} has a rule already`);
    rules.set(selector, rule);
  }
  return rules;
}

export function rulesAsker(rules: ChoiceRules): IdentityAsker {
  return async (question) => choiceBy(rules, question);
}

export function choiceBy(rules: ChoiceRules, { steps }: ChoiceQuestion): IdentityChoice {
  const step = steps.find((each) => rules.has(each));
  const rule = step === undefined ? undefined : rules.get(step);
  if (rule === undefined) return { localId: '', remember: undefined };
  return { localId: rule.localId, remember: rule.remember ? step : undefined };
}

function parseRule(line: string, where: string): [string, ChoiceRule] {
  const [selector = '', localId, remember, ...more] = line.split(/\s+/);
  const known = remember === undefined || remember === 'remember';
  if (localId === undefined || !known || more.length > 0) {
    throw new UsageError(
      `${where}: a rule is SELECTOR LOCALID [remember], or SELECTOR nothing`,
      'like: .example.com john@example.com remember',
    );
  }
  try {
    const shown = localId === 'nothing' ? '' : formatDonai(parseDonai(localId));
    return [
      formatSelector(parseSelector(selector)),
      { localId: shown, remember: remember !== undefined && shown !== '' },
    ];
  } catch (error) {
    if (error instanceof DonaiError) throw new UsageError(`${where}: ${error.message}`, error.hint);
    throw error;
  }
}
