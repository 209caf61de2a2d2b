import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../src/core/errors.ts';
import { evaluate } from '../../../src/core/trust/evaluation.ts';
import {
  conjunction,
  lettersOf,
  PREDICATES,
  parseExpression,
} from '../../../src/core/trust/expression.ts';
import { and, choose, not, or, type Truth } from '../../../src/core/trust/truth.ts';

type Values = Readonly<Record<string, Truth | undefined>>;

/** All predicates at once, those not named being unknown. */
function outcome(text: string, values: Values = {}): Promise<Truth> {
  return evaluate(parseExpression(text).term, {
    isQuick: () => true,
    value: (letter) => values[letter] ?? 'unknown',
  });
}

const yes = (...letters: string[]): Values =>
  Object.fromEntries(
    [...PREDICATES].map((letter) => [letter, letters.includes(letter) ? 'true' : 'false']),
  );

/** The specification's, word by word: expression, predicates that are true (all others being false), outcome. */
const vectors: readonly [expression: string, yes: string, outcome: Truth][] = [
  ['01&', '', 'false'],
  ['01|', '', 'true'],
  ['1~', '', 'false'],
  ['0~~', '', 'false'],
  ['1~~~', '', 'false'],
  ['ac|d&', 'dca', 'true'],
  ['ac|d&', 'd', 'false'],
  ['PF|FA|&', 'F', 'true'],
  ['ETad&?', 'adT', 'true'],
  ['ETad&?', 'ad', 'false'],
  ['ETad&?', 'E', 'true'],
  ['ETad&?', 'aE', 'true'],
  ['ETad&?', 'd', 'false'],
  ['ETad&?', '', 'false'],
  ['1ti?', 'it', 'true'],
  ['1ti?', 'i', 'false'],
  ['1ti?', '', 'true'],
];

for (const [text, letters, expected] of vectors) {
  test(`${text} is ${expected} where ${letters === '' ? 'nothing' : [...letters].join(', ')} holds`, async () => {
    assert.equal(await outcome(text, yes(...letters)), expected);
  });
}

/** D stands for the unknown value. */
const withUnknown: readonly [expression: string, outcome: Truth][] = [
  ['0D&', 'false'],
  ['1D&', 'unknown'],
  ['1D|', 'true'],
  ['0D|', 'unknown'],
  ['D~', 'unknown'],
  ['11D?', 'true'],
  ['00D?', 'false'],
  ['01D?', 'unknown'],
  ['DDD?', 'unknown'],
];

for (const [text, expected] of withUnknown) {
  test(`${text} is ${expected} where D is unknown`, async () => {
    assert.equal(await outcome(text), expected);
  });
}

const faults: readonly [expression: string, message: RegExp][] = [
  ['', /is empty/],
  ['&', /`&` that needs 2 values, and 0 stand before it, at position 1/],
  ['TI&r&|', /`\|` that needs 2 values, and 1 stands before it, at position 6/],
  ['ab', /has a `b`, which is no predicate and no operator, at position 2/],
  ['ai', /leaves 2 values instead of one; the second begins at position 2/],
  ['aa', /leaves 2 values instead of one; the second begins at position 2/],
  ['TTI&', /leaves 2 values instead of one; the second begins at position 2/],
  ['TI&\u001b[2J', /has a `\ufffd`/],
  ['u', /no predicate/],
  ['TI?', /`\?` that needs 3 values, and 2 stand before it, at position 3/],
  ['T'.repeat(300), /at most 256 letters, this one 300/],
];

for (const [text, message] of faults) {
  test(`the expression ${JSON.stringify(text.slice(0, 10))} is refused with the position of its fault`, () => {
    assert.throws(
      () => parseExpression(text),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

const truths = ['true', 'false', 'unknown'] as const;

/** A stack machine that knows nothing of trees: the specification's words. */
function reference(text: string, values: Values): Truth {
  const stack: Truth[] = [];
  const pop = () => stack.pop() ?? assert.fail('the stack is empty');
  for (const letter of text) {
    if (letter === '0') stack.push('false');
    else if (letter === '1') stack.push('true');
    else if (letter === '~') stack.push(not(pop()));
    else if (letter === '&') stack.push(and(pop(), pop()));
    else if (letter === '|') stack.push(or(pop(), pop()));
    else if (letter === '?') {
      const condition = pop();
      const then = pop();
      stack.push(choose(condition, then, pop()));
    } else stack.push(values[letter] ?? 'unknown');
  }
  const last = pop();
  assert.equal(stack.length, 0);
  return last;
}

const leaf = fc.constantFrom(...PREDICATES, '0', '1');
const { text: expressions } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    leaf,
    tie('text').map((of) => `${of}~`),
    fc.tuple(tie('text'), tie('text'), fc.constantFrom('&', '|')).map((parts) => parts.join('')),
    fc.tuple(tie('text'), tie('text'), tie('text')).map((parts) => `${parts.join('')}?`),
  ),
}));
const assignments = fc.record(
  Object.fromEntries([...PREDICATES].map((letter) => [letter, fc.constantFrom(...truths)])),
);

test('10,000 random expressions come out as the stack machine says, some predicates being slow', async () => {
  const short = expressions.filter((text) => text.length <= 256);
  await fc.assert(
    fc.asyncProperty(
      short,
      assignments,
      fc.uint8Array({ maxLength: 30 }),
      async (text, values, slow) => {
        const asked = new Set<string>();
        const found = await evaluate(parseExpression(text).term, {
          isQuick: (letter) => (slow[PREDICATES.indexOf(letter)] ?? 0) % 2 === 0,
          value(letter) {
            assert.ok(!asked.has(letter), `${letter} is asked twice`);
            asked.add(letter);
            const value = values[letter] ?? assert.fail();
            const turns = slow[PREDICATES.indexOf(letter)] ?? 0;
            if (turns % 2 === 0) return value;
            return after(turns % 5, value);
          },
        });
        assert.equal(found, reference(text, values));
        for (const letter of asked) assert.ok(text.includes(letter));
      },
    ),
    { numRuns: 10_000 },
  );
});

async function after<Value>(turns: number, value: Value): Promise<Value> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  return value;
}

test('random text is an expression that works, or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...PREDICATES, ...'01~&|?xu ') }), (text) => {
      try {
        assert.equal(parseExpression(text).text, text);
      } catch (error) {
        assert.ok(error instanceof UsageError);
      }
    }),
  );
});

test('what cannot change the outcome is not asked', async () => {
  const asked: string[] = [];
  const predicates = {
    isQuick: (letter: string) => letter !== 'O' && letter !== 'R',
    value(letter: string) {
      asked.push(letter);
      return letter === 'I' ? 'false' : 'true';
    },
  } as const;
  assert.equal(await evaluate(parseExpression('TRO|&I&').term, predicates), 'false');
  assert.deepEqual(asked, ['T', 'I']);
});

test('slow predicates run at the same time, and are cancelled once the outcome is fixed', async () => {
  const { promise: answer, resolve } = Promise.withResolvers<Truth>();
  const cancelled: string[] = [];
  const running: string[] = [];
  const found = evaluate(parseExpression('RO|').term, {
    isQuick: () => false,
    value(letter, signal) {
      running.push(letter);
      if (letter === 'O') return answer;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cancelled.push(letter);
          reject(signal.reason);
        });
      });
    },
  });
  assert.deepEqual(running, ['R', 'O']);
  resolve('true');
  assert.equal(await found, 'true');
  assert.deepEqual(cancelled, ['R']);
});

test('whoever waits can give up', async () => {
  const giveUp = new AbortController();
  const found = evaluate(
    parseExpression('R').term,
    {
      isQuick: () => false,
      value: (_letter, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    },
    giveUp.signal,
  );
  giveUp.abort(new Error('the session is gone'));
  await assert.rejects(found, /the session is gone/);
});

test('a fault in a predicate is not swallowed', async () => {
  const predicates = {
    isQuick: () => false,
    value: () => Promise.reject(new Error('a fault')),
  };
  await assert.rejects(evaluate(parseExpression('RO|').term, predicates), /a fault/);
});

test('several expressions are met by meeting each', () => {
  const all = conjunction(['TI&', 'O', 'P'].map(parseExpression));
  assert.deepEqual(parseExpression(all.text).term, all.term);
  assert.deepEqual(lettersOf(all.term), ['T', 'I', 'O', 'P']);
});
