import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contains,
  parseClientAddress,
  parsePrefix,
} from '../../../src/core/authz/address-prefix.ts';
import type { GroupMembers } from '../../../src/core/authz/group.ts';
import { isWithin, parseHours } from '../../../src/core/authz/hours.ts';
import type { Question } from '../../../src/core/authz/question.ts';
import type { Rule } from '../../../src/core/authz/rule.ts';
import { parseMember, parseWho } from '../../../src/core/authz/who.ts';
import { type Donai, parseDonai } from '../../../src/core/identity/donai.ts';
import { matches, parseSelector, type Selector } from '../../../src/core/identity/selector.ts';
import { makePolicy, type PolicyParts } from './made-policy.ts';

/** Few names, so that they meet often. */
const remotes = [
  'john@a.example',
  'mary@a.example',
  'john@b.a.example',
  'a.example',
  'b.a.example',
  'x.test',
];
const selectors = [
  'john@a.example',
  '@a.example',
  '@.a.example',
  'john@.',
  '@.',
  'a.example',
  '.a.example',
  '.example',
  '.',
];
const locals = ['lists.example.org', 'www.example.org', 'example.org'];
const localSelectors = [...locals, '.example.org', '.org', '.'];
const groupNames = ['g0', 'g1', 'g2', 'g3', 'g4'];
const noon = Date.UTC(2026, 4, 6, 12);

const who = fc.constantFrom(
  ...selectors,
  ...groupNames.map((name) => `group:${name}`),
  'group:missing',
  'authenticated',
  'anonymous',
  'everyone',
);

const when = fc.record({
  validatedBy: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(['D'], ['TR', 'P']) },
  ),
  from: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc
        .subarray(['192.0.2.0/24', '192.0.2.7', '2001:db8::/32'], { minLength: 1 })
        .map((list) => list.map(parsePrefix)),
    },
  ),
  hours: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom('mon-fri', 'sat,sun', '22:00-06:00').map(parseHours) },
  ),
  expires: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(noon - 1000, noon + 1000) },
  ),
});

const ruleWithoutName = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  who: who.map(parseWho),
  to: fc.constantFrom(...localSelectors).map(parseSelector),
  service: fc.constantFrom(undefined, 'smtp', 'imap'),
  when,
  note: fc.constant(''),
  madeBy: fc.constant('test'),
  madeAt: fc.constant(''),
});

const rules = fc
  .array(ruleWithoutName, { maxLength: 12 })
  .map((list): Rule[] => list.map((rule, index) => ({ ...rule, name: `r${index}` })));

/** A group holds selectors and groups of higher numbers only: there are no cycles. */
const groups = fc.tuple(
  ...groupNames.map((group, index) =>
    fc
      .record({
        members: fc.subarray([
          ...selectors,
          ...groupNames.slice(index + 1).map((name) => `group:${name}`),
          'group:missing',
        ]),
        stale: fc.constantFrom(false, false, false, true),
      })
      .map(
        ({ members, stale }): GroupMembers => ({
          group,
          members: members.map(parseMember),
          gap: stale ? { group, reason: 'stale', text: 'stale' } : undefined,
        }),
      ),
  ),
);

const parts: fc.Arbitrary<PolicyParts> = fc.record({
  rules,
  groups: groups.map((list) => [...list]),
  standings: fc.uniqueArray(
    fc.record({
      local: fc.constantFrom(...localSelectors),
      is: fc.constantFrom('open' as const, 'closed' as const),
    }),
    { maxLength: 2, selector: ({ local }) => local },
  ),
  closedByDefault: fc.boolean(),
});

const question: fc.Arbitrary<Question> = fc.record({
  remote: fc.record({
    id: fc.option(fc.constantFrom(...remotes).map(parseDonai), { nil: undefined }),
    names: fc.subarray(remotes).map((list) => list.map(parseDonai)),
    validatedBy: fc.constantFrom('', 'TI', 'TIR', 'PI', 'DI'),
  }),
  localId: fc.constantFrom(...locals).map(parseDonai),
  service: fc.constantFrom('', 'smtp', 'imap', 'http'),
  address: fc.constantFrom('', '192.0.2.7:25', '192.0.3.1:25', '[2001:db8::1]:25'),
  at: fc.constantFrom(noon, noon + 12 * 3_600_000, noon + 4 * 86_400_000),
});

test('decides as the rules read one by one do', () => {
  fc.assert(
    fc.property(parts, question, (made, asked) => {
      const decision = makePolicy(made).decide(asked);
      assert.equal(decision.allowed, naivelyAllowed(made, asked), JSON.stringify(decision));
    }),
    { numRuns: 5_000 },
  );
});

test('the order in which rules and groups were made never matters', () => {
  const shuffled = parts.chain((made) =>
    fc.record({
      made: fc.constant(made),
      other: fc.record({
        rules: fc.shuffledSubarray([...made.rules], { minLength: made.rules.length }),
        groups: fc.shuffledSubarray([...made.groups], { minLength: made.groups.length }),
        standings: fc.constant([...made.standings].reverse()),
        closedByDefault: fc.constant(made.closedByDefault),
      }),
    }),
  );
  fc.assert(
    fc.property(shuffled, question, ({ made, other }, asked) => {
      const [one, two] = [makePolicy(made).decide(asked), makePolicy(other).decide(asked)];
      assert.deepEqual(
        [one.allowed, one.reason, one.rule?.name],
        [two.allowed, two.reason, two.rule?.name],
      );
    }),
    { numRuns: 2_000 },
  );
});

test('one more deny never allows anything', () => {
  fc.assert(
    fc.property(parts, ruleWithoutName, question, (made, rule, asked) => {
      const more = {
        ...made,
        rules: [...made.rules, { ...rule, effect: 'deny' as const, name: 'more' }],
      };
      if (makePolicy(more).decide(asked).allowed) assert.ok(makePolicy(made).decide(asked).allowed);
    }),
    { numRuns: 3_000 },
  );
});

test('less knowledge of a group never allows anything', () => {
  fc.assert(
    fc.property(parts, fc.nat(groupNames.length - 1), question, (made, index, asked) => {
      const less = made.groups.map(
        (group, at): GroupMembers =>
          at === index
            ? {
                group: group.group,
                members: [],
                gap: { group: group.group, reason: 'stale', text: '' },
              }
            : group,
      );
      if (makePolicy({ ...made, groups: less }).decide(asked).allowed) {
        assert.ok(makePolicy(made).decide(asked).allowed);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('the rule that decided is among those considered, and applies', () => {
  fc.assert(
    fc.property(parts, question, (made, asked) => {
      const policy = makePolicy(made);
      const { rule, reason } = policy.decide(asked);
      if (reason !== 'allowed-by-rule' && reason !== 'denied-by-rule') return;
      const found = policy.consider(asked).find((considered) => considered.rule === rule);
      assert.equal(found?.outcome, 'applies');
      assert.equal(found?.gap, undefined);
    }),
    { numRuns: 1_000 },
  );
});

test('a client that need show nothing is let in as nobody, and one that must is not', () => {
  fc.assert(
    fc.property(parts, question, (made, asked) => {
      const policy = makePolicy(made);
      const demand = policy.demand(asked.localId, asked.service);
      const nobody = { ...asked, remote: { id: undefined, names: [], validatedBy: '' } };
      if (demand === 'require') assert.equal(policy.decide(nobody).allowed, false);
      if (demand === 'ignore') assert.equal(policy.decide(asked).allowed, true);
    }),
    { numRuns: 2_000 },
  );
});

/** The semantics, written down as they are told; three-valued as in Kleene's logic, undefined being unknown. */
function naivelyAllowed(made: PolicyParts, asked: Question): boolean {
  const concerning = made.rules.filter(({ to }) => matches(to, asked.localId));
  const forService = concerning.filter(
    ({ service }) => service === undefined || service === asked.service,
  );
  const { id, names } = asked.remote;
  const all = id === undefined ? names : [id, ...names];
  for (const rule of forService) {
    if (
      rule.effect === 'deny' &&
      holds([isMeant(made, rule, asked, all), isNow(rule, asked)]) !== false
    )
      return false;
  }
  for (const rule of forService) {
    const them = id === undefined ? [] : [id];
    if (
      rule.effect === 'allow' &&
      holds([isMeant(made, rule, asked, them), isNow(rule, asked)]) === true
    )
      return true;
  }
  const said = made.standings.filter(({ local }) => matches(parseSelector(local), asked.localId));
  if (said.some(({ is }) => is === 'closed')) return false;
  if (said.length > 0) return true;
  return concerning.length === 0 && !made.closedByDefault;
}

type Kleene = boolean | undefined;

function holds(all: readonly Kleene[]): Kleene {
  if (all.includes(false)) return false;
  return all.includes(undefined) ? undefined : true;
}

function some(any: readonly Kleene[]): Kleene {
  if (any.includes(true)) return true;
  return any.includes(undefined) ? undefined : false;
}

function isMeant(
  made: PolicyParts,
  { who }: Rule,
  { remote }: Question,
  names: readonly Donai[],
): Kleene {
  switch (who.kind) {
    case 'everyone':
      return true;
    case 'authenticated':
      return remote.id !== undefined;
    case 'anonymous':
      return remote.id === undefined;
    case 'selector':
      return names.some((name) => matches(who.selector, name));
    case 'group': {
      const members = names.map((name) => isMember(made, who.group, name));
      // Somebody with a name may be in a group that is not known, also when another of the names is looked at.
      const others = remote.id === undefined ? remote.names : [remote.id, ...remote.names];
      return names.length === 0 && others.length > 0
        ? undefinedOrFalse(made, who.group, others)
        : some(members);
    }
  }
}

/** An allow needs the proven name; without one it is at best unknown, which does not allow. */
function undefinedOrFalse(made: PolicyParts, group: string, names: readonly Donai[]): Kleene {
  return some(names.map((name) => isMember(made, group, name))) === false ? false : undefined;
}

function isMember(made: PolicyParts, group: string, name: Donai): Kleene {
  const found = made.groups.find((candidate) => candidate.group === group);
  if (found === undefined) return undefined;
  return some([
    ...found.members.map((member) =>
      member.kind === 'selector'
        ? matchesSelector(member.selector, name)
        : isMember(made, member.group, name),
    ),
    found.gap === undefined ? false : undefined,
  ]);
}

function matchesSelector(selector: Selector, name: Donai): boolean {
  return matches(selector, name);
}

function isNow({ when }: Rule, { remote, address, at }: Question): Kleene {
  const client = parseClientAddress(address);
  return holds([
    when.expires === undefined || at < when.expires,
    when.hours === undefined || isWithin(when.hours, at),
    when.validatedBy.length === 0
      ? true
      : when.validatedBy.some((set) => [...set].every((one) => remote.validatedBy.includes(one))),
    when.from.length === 0 ? true : client && when.from.some((prefix) => contains(prefix, client)),
  ]);
}
