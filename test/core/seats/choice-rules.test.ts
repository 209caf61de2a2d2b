import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { formatSelector, walk } from '../../../src/core/identity/selector.ts';
import { choiceBy, parseChoiceRules } from '../../../src/core/seats/choice-rules.ts';

const question = (remoteId: string) => ({
  remoteId,
  suggestion: '',
  steps: walk(parseDonai(remoteId)).map(formatSelector),
  entries: [],
  candidates: [],
  session: undefined,
});

test('the most specific rule chooses, and may keep its choice for its selector', () => {
  const rules = parseChoiceRules(
    '# who we are\n.Example.com john@example.com remember\nimap.example.com nothing\n. me@home.example\n',
    'rules',
  );
  const choice = (remote: string) => choiceBy(rules, question(remote));
  assert.deepEqual(choice('www.example.com'), {
    localId: 'john@example.com',
    remember: '.example.com',
  });
  assert.deepEqual(choice('imap.example.com'), { localId: '', remember: undefined });
  assert.deepEqual(choice('example.org'), { localId: 'me@home.example', remember: undefined });
  assert.deepEqual(choice('mary@example.org'), { localId: '', remember: undefined });
});

for (const [text, message] of [
  ['.example.com', /rules:1: a rule is/],
  ['.example.com john@example.com forget', /rules:1: a rule is/],
  ['a.example x@y.example\n. .', /rules:2: /],
  ['a.example x@y.example\nA.example nothing', /rules:2: a.example has a rule already/],
  ['*.example.com x@y.example', /rules:1: /],
] as const) {
  test(`refused with its line: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseChoiceRules(text, 'rules'), { name: 'UsageError', message });
  });
}

test('any text is understood or refused by a usage error, and what is understood names identities', () => {
  const word = fc.oneof(
    fc.constantFrom('.', '@.', '.example.com', 'john@example.com', 'nothing', 'remember', '#'),
    fc.string(),
  );
  const lines = fc.array(fc.array(word, { maxLength: 4 }).map((words) => words.join(' ')));
  fc.assert(
    fc.property(lines, (all) => {
      try {
        for (const [, { localId }] of parseChoiceRules(all.join('\n'), 'rules')) {
          if (localId !== '') assert.equal(formatDonai(parseDonai(localId)), localId);
        }
      } catch (error) {
        assert.equal((error as Error).name, 'UsageError');
      }
    }),
  );
});
