// Loaded into every test file's process before it (see setup/test.mjs): what the file has of tests is run and told of
// completely, or the file fails. And what it loads is compiled once, not in every process anew.

import { writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

enableCompileCache(fileURLToPath(new URL('../build/compile-cache', import.meta.url)));

// The runner's own process and threads of a test load this, too.
if (process.env.NODE_TEST_CONTEXT !== undefined && isMainThread) {
  tellEverything();
  await failAtEarlyEnd();
}

/** Results go to the runner through a socket: if that is full, Node keeps them, and loses them at --test-force-exit. */
function tellEverything() {
  process.stdout._handle?.setBlocking(true);
}

/** To the runner, a process that ends by itself with 0 midway has no more tests. */
async function failAtEarlyEnd() {
  const { after } = await import('node:test');
  let ended = false;
  after(() => {
    ended = true;
  });
  process.on('exit', () => {
    if (ended) return;
    writeSync(process.stderr.fd, `${process.argv[1]}: its process ended before its tests\n`);
    process.exitCode = 1;
  });
}
