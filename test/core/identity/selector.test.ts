import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { DonaiError } from '../../../src/core/identity/donai-error.ts';
import {
  formatSelector,
  isDonai,
  matches,
  parseSelector,
  walk,
} from '../../../src/core/identity/selector.ts';

const steps = (text: string) => walk(parseDonai(text)).map(formatSelector);
const match = (selector: string, id: string) => matches(parseSelector(selector), parseDonai(id));

test('the walk of a domain', () => {
  assert.deepEqual(steps('example.com'), ['example.com', '.com', '.']);
  assert.deepEqual(steps('localhost'), ['localhost', '.']);
});

test('the walk of a user', () => {
  assert.deepEqual(steps('john@cs.example.com'), [
    'john@cs.example.com',
    '@cs.example.com',
    'john@.example.com',
    '@.example.com',
    'john@.com',
    '@.com',
    'john@.',
    '@.',
  ]);
});

test('a pattern with @ never matches an id without a user, and the reverse', () => {
  assert.ok(!match('@.', 'example.com'));
  assert.ok(!match('@example.com', 'example.com'));
  assert.ok(!match('.', 'john@example.com'));
  assert.ok(!match('example.com', 'john@example.com'));
});

test('.example.com matches what is below example.com, however deep, and not itself', () => {
  assert.ok(match('.example.com', 'a.example.com'));
  assert.ok(match('.example.com', 'a.b.example.com'));
  assert.ok(!match('.example.com', 'example.com'));
});

test('matching stops at label borders', () => {
  assert.ok(!match('.ample.com', 'example.com'));
  assert.ok(!match('ample.com', 'example.com'));
  assert.ok(!match('@.ample.com', 'john@example.com'));
});

test('users match as a whole', () => {
  assert.ok(match('john@.', 'john@example.com'));
  assert.ok(match('JOHN@.Example.COM', 'john@a.example.com'));
  assert.ok(!match('john@.', 'xjohn@example.com'));
});

test('a selector in Unicode is the selector of the A-labels', () => {
  assert.equal(formatSelector(parseSelector('@.bücher.example')), '@.xn--bcher-kva.example');
});

for (const text of [
  '',
  '@',
  'john@',
  '..',
  '.a..b',
  '@.1',
  '*.example.com',
  'a@b@.',
  '%2e',
  '. ',
]) {
  test(`${JSON.stringify(text)} is no selector`, () => {
    assert.throws(() => parseSelector(text), DonaiError);
  });
}

// A small alphabet, so that patterns and ids often meet.
const label = fc.constantFrom('a', 'b', 'ab', 'com');
const user = fc.constantFrom('john', 'jo');
const id = fc
  .tuple(fc.option(user), fc.array(label, { minLength: 1, maxLength: 4 }))
  .map(([name, labels]) => (name === null ? '' : `${name}@`) + labels.join('.'));
const selector = fc
  .tuple(
    fc.option(fc.oneof(user, fc.constant(''))),
    fc.boolean(),
    fc.array(label, { maxLength: 4 }),
  )
  .filter(([, below, labels]) => below || labels.length > 0)
  .map(([name, below, labels]) => {
    const prefix = name === null ? '' : `${name}@`;
    return prefix + (below ? '.' : '') + labels.join('.');
  });

/** The definition, label by label, from the right. */
function matchesByDefinition(pattern: string, concrete: string): boolean {
  const [patternUser, patternDomain] = parts(pattern);
  const [concreteUser, concreteDomain] = parts(concrete);
  if ((patternUser === null) !== (concreteUser === null)) return false;
  if (patternUser !== '' && patternUser !== concreteUser) return false;
  const wanted = patternDomain.split('.').filter((part) => part !== '');
  const given = concreteDomain.split('.');
  const tail = given.slice(given.length - wanted.length);
  const tailFits = given.length >= wanted.length && wanted.every((part, i) => tail[i] === part);
  const dropped = given.length - wanted.length;
  return tailFits && (patternDomain.startsWith('.') ? dropped > 0 : dropped === 0);
}

function parts(text: string): [string | null, string] {
  const [before = '', after] = text.split('@');
  return after === undefined ? [null, before] : [before, after];
}

test('matching agrees with the definition', () => {
  fc.assert(
    fc.property(selector, id, (pattern, concrete) => {
      assert.equal(match(pattern, concrete), matchesByDefinition(pattern, concrete));
    }),
    { numRuns: 5_000 },
  );
});

test('a selector matches exactly when it is a step of the walk', () => {
  fc.assert(
    fc.property(selector, id, (pattern, concrete) => {
      assert.equal(steps(concrete).includes(pattern), match(pattern, concrete));
    }),
    { numRuns: 5_000 },
  );
});

test('selectors survive printing and parsing', () => {
  fc.assert(fc.property(selector, (text) => formatSelector(parseSelector(text)) === text));
});

test('only a concrete selector is a DoNAI', () => {
  fc.assert(
    fc.property(selector, (text) => {
      const parsed = parseSelector(text);
      if (isDonai(parsed)) assert.equal(formatDonai(parsed), formatDonai(parseDonai(text)));
      else assert.throws(() => parseDonai(text), DonaiError);
    }),
  );
});
