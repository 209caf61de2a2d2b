// The steps of a set-up: other programs, run with our environment, their output where ours goes.

import { spawnSync } from 'node:child_process';
import { environment, root } from './place.mjs';

/** Ends set-up with one line: what is wrong and what to do about it. */
export class SetupError extends Error {}

/** @throws SetupError if the program fails or cannot be run */
export function run(title, file, args, options = {}) {
  const { status, signal } = start(file, args, options);
  if (status !== 0) throw new SetupError(`${title} failed (${signal ?? `exit code ${status}`})`);
}

/** @throws SetupError if the program cannot be run */
export function succeeds(file, args) {
  return start(file, args, {}).status === 0;
}

function start(file, args, options) {
  const result = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: environment(),
    ...options,
  });
  if (result.error) throw new SetupError(`cannot run ${file}: ${result.error.message}`);
  return result;
}

/** Says what is being done now. On stderr: stdout is for results. */
export function say(text) {
  process.stderr.write(`tlspool set-up: ${text}\n`);
}

/** Runs a set-up from its entry file: a SetupError is one line, anything else a fault with its stack. */
export async function setUp(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
