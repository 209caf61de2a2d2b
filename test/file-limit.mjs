// Loaded into every test file's process before it (see setup/test.mjs): a file that hangs outside of its tests, where
// the runner's time limit does not reach, ends as failed instead of keeping the whole run.

import { setFlagsFromString } from 'node:v8';

// See src/core/cli/compile-in-foreground.ts: a file that is done is to end, too.
setFlagsFromString('--no-concurrent-sparkplug');

const limit = 15 * 60_000;

// The runner's own process loads this too.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(
      `${process.argv[1]}: not done within ${limit / 60_000} minutes; waits for ${left}\n`,
    );
    process.exit(1);
  }, limit).unref();
}
