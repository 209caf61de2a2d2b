import { type Donai, parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import type { ReasonCode } from './decision.ts';
import { programOfUser } from './explain-program.ts';
import type { LoadedPolicy } from './load-policy.ts';
import type { ProgramQuestion } from './program-rule.ts';
import { anonymous, type Question } from './question.ts';
import { RuleError } from './rule-error.ts';
import { shellWords } from './shell-words.ts';

/** One line of a table of expected decisions. */
export interface ExpectedDecision {
  readonly line: number;
  /** As it is written. */
  readonly text: string;
  readonly allowed: boolean;
  readonly reason: string | undefined;
  readonly rule: string | undefined;
  readonly asked:
    | { readonly about: 'remote'; readonly question: Question }
    | { readonly about: 'program'; readonly question: ProgramQuestion };
}

export interface TestedDecision {
  readonly line: number;
  readonly text: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
  readonly rule: string | null;
}

export interface TableOutcome {
  readonly cases: readonly TestedDecision[];
  /** Rules that apply in no case: nothing shows what they are good for. */
  readonly unreached: readonly string[];
}

/**
 * Reads `allow|deny WHO LOCALID [SERVICE] [key=value…]`, a line each. WHO may be `anonymous` or `uid=N`; the keys are
 * `address`, `validated`, `at`, `reason`, `rule`, and for programs `exe`, `role`. @throws RuleError naming the line
 */
export function parseTable(text: string, file: string, now = Date.now()): ExpectedDecision[] {
  const cases: ExpectedDecision[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    try {
      const words = shellWords(line);
      if (words.length > 0) cases.push(readCase(words, index + 1, line.trim(), now));
    } catch (error) {
      if (!(error instanceof RuleError || error instanceof DonaiError)) throw error;
      throw new RuleError(`${file}:${index + 1}: ${error.message}`, error.hint);
    }
  }
  return cases;
}

export function runTable(
  loaded: LoadedPolicy,
  ruleNames: readonly string[],
  cases: readonly ExpectedDecision[],
): TableOutcome {
  const reached = new Set<string>();
  const tested = cases.map((expected) => runCase(loaded, expected, reached));
  return { cases: tested, unreached: ruleNames.filter((name) => !reached.has(name)) };
}

function runCase(
  { policy, programs }: LoadedPolicy,
  expected: ExpectedDecision,
  reached: Set<string>,
): TestedDecision {
  const { asked } = expected;
  const decision =
    asked.about === 'remote' ? policy.decide(asked.question) : programs.decide(asked.question);
  if (decision.rule !== undefined) reached.add(decision.rule.name);
  if (asked.about === 'remote') {
    for (const { rule, outcome, gap } of policy.consider(asked.question)) {
      if (outcome === 'applies' && gap === undefined) reached.add(rule.name);
    }
  }
  const rule = decision.rule?.name ?? null;
  const passed =
    decision.allowed === expected.allowed &&
    (expected.reason === undefined || decision.reason === expected.reason) &&
    (expected.rule === undefined || rule === expected.rule);
  return {
    line: expected.line,
    text: expected.text,
    passed,
    expected: words(expected.allowed, expected.reason, expected.rule),
    got: words(decision.allowed, decision.reason, rule),
    rule,
  };
}

function words(
  allowed: boolean,
  reason: ReasonCode | string | undefined,
  rule: string | null | undefined,
): string {
  const details = [reason, rule].filter((word) => word !== undefined && word !== null);
  return `${allowed ? 'allow' : 'deny'}${details.length === 0 ? '' : ` (${details.join(' ')})`}`;
}

function readCase(
  all: readonly string[],
  line: number,
  text: string,
  now: number,
): ExpectedDecision {
  const [effect, who, local, ...rest] = all;
  if ((effect !== 'allow' && effect !== 'deny') || who === undefined || local === undefined) {
    throw new RuleError('a case is `allow` or `deny`, WHO, LOCALID and maybe a service');
  }
  const keys = new Map<string, string>();
  let service = '';
  for (const word of rest) {
    const [key = '', value] = word.split(/=(.*)/s);
    if (value === undefined && service === '' && keys.size === 0) service = word.toLowerCase();
    else if (value === undefined || !known.has(key)) throw unknownWord(word);
    else keys.set(key, value);
  }
  const at = keys.has('at') ? momentOf(keys.get('at') ?? '') : now;
  const localId = parseDonai(local);
  const expectation = { reason: keys.get('reason'), rule: keys.get('rule') };
  const shared = { line, text, allowed: effect === 'allow', ...expectation };
  if (/^uid=\d+$/.test(who)) {
    const program = programOfUser(Number(who.slice('uid='.length)), keys.get('exe'));
    const role = keys.get('role') === 'client' ? 'client' : 'server';
    return { ...shared, asked: { about: 'program', question: { program, localId, role, at } } };
  }
  const remote = remoteOf(who, keys.get('validated') ?? 'TI');
  const address = keys.get('address') ?? '';
  const question: Question = { remote, localId, service, address, at };
  return { ...shared, asked: { about: 'remote', question } };
}

const known: ReadonlySet<string> = new Set([
  'address',
  'validated',
  'at',
  'reason',
  'rule',
  'exe',
  'role',
]);

/** `a@example.com,b.example.com`: the first is proven, the others are named by the same certificate. */
function remoteOf(who: string, validatedBy: string): Question['remote'] {
  if (who.toLowerCase() === 'anonymous') return anonymous;
  const [id, ...names] = who.split(',').map((name): Donai => parseDonai(name));
  return { id, names, validatedBy };
}

function unknownWord(word: string): RuleError {
  return new RuleError(`“${word}” means nothing here`, `Keys are ${[...known].join(', ')}.`);
}

function momentOf(text: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new RuleError(`“${text}” is no time`, 'Such as 2030-12-31T18:00:00Z.');
}
