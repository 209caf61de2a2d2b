import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReportInput, report } from '../../../bench/report/report.ts';
import type { Comparison, Target } from '../../../bench/targets/target.ts';
import type { Sample } from '../../../bench/trial.ts';

function target(id: string, ...standsFor: Comparison[]): Target {
  const start = () => Promise.reject(new Error('never started here'));
  return { id, title: `${id}, as a title`, standsFor, version: async () => id, start };
}

function sample(subject: string, cpuSecondsPerGiB: number): Sample {
  return { measure: 'up-1', subject, round: 1, values: { cpuSecondsPerGiB } };
}

const input: ReportInput = {
  samples: [sample('tlspool', 0.7), sample('fast', 1), sample('slow', 2)],
  failures: [{ measure: 'up-1', subject: 'slow', round: 2, reason: 'gone\nwith details' }],
  targets: [target('tlspool'), target('fast', 'defaults'), target('slow', 'tuned')],
  rounds: 1,
  date: new Date('2026-01-02T03:04:05Z'),
  machine: ['a machine'],
  software: ['fast 1.0'],
  remarks: '',
};

test('a goal that is reached says so, with the peer that it was compared with', () => {
  const line = report(input)
    .split('\n')
    .find((each) => each.includes('bulk up, 1 connection, to the best peer with defaults'));
  assert.match(
    line ?? '',
    /\| 0\.70 × \| fast, as a title \| ≤ 0\.75 × \| yes \| ≤ 0\.65 × \| \*\*no\*\* \|/,
  );
});

test('a table has a row for each target and one for each ratio', () => {
  const text = report(input);
  assert.match(text, /^\| slow, as a title \| 2\.00 \| – \| – \| – \|$/m);
  assert.match(text, /^\| tlspool ÷ best peer with defaults \| \*\*0\.70\*\* fast \|/m);
  assert.match(text, /^\| tlspool ÷ best tuned peer \| \*\*0\.35\*\* slow \|/m);
});

test('tables without numbers are left out, and failed trials are listed', () => {
  const text = report(input);
  assert.doesNotMatch(text, /## Latency/);
  assert.match(text, /^- up-1, slow, round 2: gone$/m);
});
