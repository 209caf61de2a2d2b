import assert from 'node:assert/strict';
import { test } from 'node:test';
import { best, ratioOf, summarize } from '../../../bench/report/statistics.ts';
import type { Sample } from '../../../bench/trial.ts';

const figure = { measure: 'up', metric: 'cpu' };

function samples(subject: string, ...values: number[]): Sample[] {
  return values.map((cpu, index) => ({
    measure: 'up',
    subject,
    round: index + 1,
    values: { cpu },
  }));
}

test('the median of an even number of values is between the middle two', () => {
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4, rounds: 4 });
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, min: 1, max: 3, rounds: 3 });
  assert.equal(summarize([]), undefined);
});

test('ratios are taken within rounds, so a machine that is slow for one round changes nothing', () => {
  const all = [...samples('ours', 1, 10, 1), ...samples('peer', 2, 20, 2)];
  assert.deepEqual(ratioOf(all, figure, 'ours', 'peer'), {
    median: 0.5,
    min: 0.5,
    max: 0.5,
    rounds: 3,
  });
});

test('a round that only one of the two has gives no ratio', () => {
  const all = [...samples('ours', 1, 1), ...samples('peer', 2)];
  assert.equal(ratioOf(all, figure, 'ours', 'peer')?.rounds, 1);
  assert.equal(ratioOf(all, figure, 'ours', 'nobody'), undefined);
});

test('the best is by median, and those without numbers are not asked', () => {
  const all = [...samples('a', 1, 9, 9), ...samples('b', 5, 5, 5)];
  assert.equal(best(all, figure, ['a', 'b', 'c'], 'lower'), 'b');
  assert.equal(best(all, figure, ['a', 'b', 'c'], 'higher'), 'a');
  assert.equal(best(all, figure, ['c'], 'lower'), undefined);
});
