// npm test: sets up what is missing, then lint, types, and all tests. Node's own summary of the tests comes last.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forTests, forUse } from './packages.mjs';
import { node } from './place.mjs';
import { prepare } from './prepare.mjs';
import { say, setUp, succeeds } from './step.mjs';

const checks = [
  ['lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['unused code', 'knip', []],
  ['types', 'tsc', ['--noEmit', '-p', 'tsconfig.json']],
];

// No test, and no file of tests, keeps the run from its end. A test that needs longer says so itself.
const limits = [
  '--test-timeout=600000',
  '--test-force-exit',
  '--import=./test/file-limit.mjs',
  '--import=./test/whole-files.mjs',
];
// Much of the tests' time is waiting for programs: two files at once, where Node would run one.
const tests = ['--test', '--test-reporter=spec', '--test-concurrency=2', ...limits];

await setUp(() => {
  prepare([...forUse, ...forTests]);
  const failed = checks.filter(([title, file, args]) => {
    say(title);
    return !succeeds(file, args);
  });
  if (failed.length > 0) {
    say(`failed: ${failed.map(([title]) => title).join(', ')}; the tests run all the same`);
  }
  const chosen = process.argv.slice(2);
  const passed = pass(chosen.length > 0 ? chosen : ['test/**/*.test.ts']);
  if (failed.length > 0 || !passed) process.exitCode = 1;
});

/** Runs the tests, with a place for the state folders that they share: see test/made-state.ts. */
function pass(files) {
  const states = mkdtempSync(join(tmpdir(), 'tlspool-states-'));
  process.env.TLSPOOL_TEST_STATES = states;
  try {
    return succeeds(node, [...tests, ...files]);
  } finally {
    rmSync(states, { recursive: true, force: true });
  }
}
