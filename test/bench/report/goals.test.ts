import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Goal, judge } from '../../../bench/report/goals.ts';
import type { Comparison, Target } from '../../../bench/targets/target.ts';
import type { Sample } from '../../../bench/trial.ts';

const figure = { measure: 'up', metric: 'cpu' };
const goal: Goal = {
  title: 'CPU',
  figure,
  subject: 'ours',
  against: ['defaults'],
  unit: '×',
  better: 'lower',
  reach: 0.75,
  aim: 0.65,
};

function target(id: string, ...standsFor: Comparison[]): Target {
  const start = () => Promise.reject(new Error('never started here'));
  return { id, title: id, standsFor, version: async () => id, start };
}

function sample(subject: string, cpu: number): Sample {
  return { measure: 'up', subject, round: 1, values: { cpu } };
}

const targets = [
  target('ours'),
  target('slow', 'defaults'),
  target('fast', 'defaults'),
  target('best', 'tuned'),
];

test('a ratio is to the best peer of its comparison', () => {
  const samples = [sample('ours', 7), sample('slow', 20), sample('fast', 10), sample('best', 1)];
  const judgement = judge(goal, samples, targets);
  assert.equal(judgement.peer?.id, 'fast');
  assert.equal(judgement.measured?.median, 0.7);
  assert.deepEqual([judgement.reached, judgement.aimed], [true, false]);
});

test('what was not measured is not reached', () => {
  const { measured, reached } = judge(goal, [sample('fast', 10)], targets);
  assert.deepEqual([measured, reached], [undefined, false]);
});

test('without a comparison the figure itself counts, in its own direction', () => {
  const { against: _, aim: __, ...rest } = goal;
  const rate: Goal = { ...rest, better: 'higher', reach: 500 };
  assert.equal(judge(rate, [sample('ours', 499)], targets).reached, false);
  assert.equal(judge(rate, [sample('ours', 500)], targets).reached, true);
});
