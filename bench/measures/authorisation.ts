import { parsePrefix } from '../../src/core/authz/address-prefix.ts';
import type { GroupMembers } from '../../src/core/authz/group.ts';
import { Memberships } from '../../src/core/authz/memberships.ts';
import { Policy } from '../../src/core/authz/policy.ts';
import type { Question } from '../../src/core/authz/question.ts';
import type { Conditions, Rule } from '../../src/core/authz/rule.ts';
import { RuleIndex } from '../../src/core/authz/rule-index.ts';
import { parseMember, parseWho } from '../../src/core/authz/who.ts';
import { parseDonai } from '../../src/core/identity/donai.ts';
import { parseSelector } from '../../src/core/identity/selector.ts';
import type { Trial } from '../trial.ts';

const RULES = 100_000;
const GROUPS = 10_000;
const MEMBERS = 5;
/** Different remotes: more than the pool remembers, so that most are looked up anew. */
const REMOTES = 50_000;
const DECISIONS = 200_000;

const services = ['smtp', 'imap', 'https', 'xmpp-client'];
const unconditional: Conditions = {
  validatedBy: [],
  from: [],
  hours: undefined,
  expires: undefined,
};

/** By what the 100,000 rules have in common. */
export const authorisationSubjects = [
  '100,000 rules, 10,000 groups',
  '100,000 rules for one WHO',
  '100,000 rules for one WHO and service',
] as const;

/** What a decision costs, alone on one core: no TLS, no log, only the rules. */
export function authorisation(): Trial[] {
  const rules = [spreadRule, oneWhoRule, blockedAddressRule] as const;
  return authorisationSubjects.map((subject, index) => ({
    measure: 'authorisation',
    subject,
    run: async () => decide(policy(rules[index] ?? spreadRule)),
  }));
}

function decide(policy: Policy): Record<string, number> {
  const questions = Array.from({ length: REMOTES }, (_, number) => question(number));
  // The first ones are the compiler's.
  for (const asked of questions) policy.decide(asked);
  const times = new Float64Array(DECISIONS);
  let allowed = 0;
  // By the thread's CPU clock: what else the machine does meanwhile is not ours.
  const start = process.threadCpuUsage();
  let before = performance.now();
  for (let count = 0; count < DECISIONS; count++) {
    const asked = questions[(count * 7_919) % REMOTES];
    if (asked !== undefined && policy.decide(asked).allowed) allowed += 1;
    const now = performance.now();
    times[count] = now - before;
    before = now;
  }
  const { user: inUser, system } = process.threadCpuUsage(start);
  const seconds = (inUser + system) / 1_000_000;
  if (allowed === 0 || allowed === DECISIONS) throw new Error('every decision was the same');
  times.sort();
  return {
    perSecond: DECISIONS / seconds,
    p99Microseconds: 1_000 * (times[DECISIONS * 0.99] ?? 0),
  };
}

function policy(rule: (number: number) => Rule): Policy {
  const index = new RuleIndex();
  for (let number = 0; number < RULES; number++) index.add(rule(number));
  const groups = Array.from({ length: GROUPS }, (_, number) => group(number));
  return new Policy(index, new Memberships(groups, index.groups), false);
}

/** Each group holds some people, and the next of ten groups holds it: chains of ten. */
function group(number: number): GroupMembers {
  const people = Array.from({ length: MEMBERS }, (_, index) => user(number * MEMBERS + index));
  const inner = number % 10 === 0 ? [] : [`group:g${number - 1}`];
  return { group: `g${number}`, members: [...people, ...inner].map(parseMember), gap: undefined };
}

/** Rules of all kinds, on a thousand local identities. */
function spreadRule(number: number): Rule {
  const who =
    number % 4 === 0
      ? user(number % REMOTES)
      : number % 4 === 1
        ? `@d${number % 500}.example`
        : `group:g${number % GROUPS}`;
  const effect = number % 10 === 0 ? 'deny' : 'allow';
  return made(number, effect, who, `l${number % 1_000}.example.org`, services[number % 5]);
}

/** One group for everything. */
function oneWhoRule(number: number): Rule {
  const effect = number % 7 === 0 ? 'deny' : 'allow';
  return made(number, effect, 'authenticated', `l${number}.example.org`, services[number % 5]);
}

/** A list of addresses that are kept out. */
function blockedAddressRule(number: number): Rule {
  const octets = [10, (number >> 16) & 255, (number >> 8) & 255, number & 255];
  if (number === 0) return made(number, 'allow', 'everyone', 'l0.example.org', 'smtp');
  const blocked = { ...unconditional, from: [parsePrefix(octets.join('.'))] };
  return { ...made(number, 'deny', 'everyone', 'l0.example.org', 'smtp'), when: blocked };
}

function made(
  number: number,
  effect: Rule['effect'],
  who: string,
  to: string,
  service: string | undefined,
): Rule {
  return {
    name: `r${number}`,
    effect,
    who: parseWho(who),
    to: parseSelector(to),
    service,
    when: unconditional,
    note: '',
    madeBy: 'bench',
    madeAt: '',
  };
}

function user(number: number): string {
  return `u${number}@d${number % 500}.example`;
}

function question(number: number): Question {
  const address = `10.${(number >> 15) & 255}.${(number >> 7) & 255}.${(number * 2) & 255}:4711`;
  return {
    remote: { id: parseDonai(user(number)), names: [], validatedBy: 'TI' },
    localId: parseDonai(`l${number % 1_000}.example.org`),
    service: services[number % 4] ?? '',
    address,
    at: Date.now(),
  };
}
