import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runRounds, type Trial } from '../../bench/trial.ts';

const never = new AbortController().signal;
const silent = () => {};

function trial(
  measure: string,
  subject: string,
  run: Trial['run'] = async () => ({ x: 1 }),
): Trial {
  return { measure, subject, run };
}

test('measures keep their order, and each round begins a measure with another subject', async () => {
  const trials = [trial('up', 'a'), trial('up', 'b'), trial('down', 'a'), trial('down', 'b')];
  const { samples } = await runRounds(trials, 3, never, silent);
  const order = samples.map(({ round, measure, subject }) => `${round} ${measure} ${subject}`);
  assert.deepEqual(order, [
    ...['1 up a', '1 up b', '1 down a', '1 down b'],
    ...['2 up b', '2 up a', '2 down b', '2 down a'],
    ...['3 up a', '3 up b', '3 down a', '3 down b'],
  ]);
});

test('a trial that fails is a failure with its reason, and the others go on', async () => {
  const failing = trial('up', 'a', async () => {
    throw new Error('no such proxy');
  });
  const { samples, failures } = await runRounds([failing, trial('up', 'b')], 1, never, silent);
  assert.deepEqual(failures, [{ measure: 'up', subject: 'a', round: 1, reason: 'no such proxy' }]);
  assert.deepEqual(
    samples.map(({ subject }) => subject),
    ['b'],
  );
});

test('an interruption ends the run, and the trial that it hit is no failure', async () => {
  const controller = new AbortController();
  const interrupted = trial('up', 'a', async () => {
    controller.abort();
    throw new Error('its processes are gone');
  });
  const run = runRounds([interrupted, trial('up', 'b')], 1, controller.signal, silent);
  await assert.rejects(run, { name: 'AbortError' });
});
