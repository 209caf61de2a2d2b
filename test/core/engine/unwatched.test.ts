import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { patience } from '../../patience.ts';
import { run } from '../../programs/stage/running.ts';

const session = fileURLToPath(new URL('unwatched-session.ts', import.meta.url));
const skip =
  process.env.TLSPOOL_ENGINE?.includes('san') === true && 'a sanitizer is loaded before all else';

/** epoll_ctl(2) as where fs.epoll.max_user_watches is used up, for the thread of the engine alone. */
const usedUp = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event* event) {
  char thread[16] = "";
  pthread_getname_np(pthread_self(), thread, sizeof thread);
  if (operation == EPOLL_CTL_ADD && strcmp(thread, "tlspool-0") == 0) {
    errno = ENOSPC;
    return -1;
  }
  return ((int (*)(int, int, int, struct epoll_event*))dlsym(RTLD_NEXT, "epoll_ctl"))(epoll, operation, fd, event);
}
`;

test('a session of which the kernel would tell nothing ends, and says what is to be done', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-unwatched-'));
  try {
    const source = join(folder, 'used-up.c');
    const library = join(folder, 'used-up.so');
    writeFileSync(source, usedUp);
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { timeout: patience });
    const env = { ...process.env, LD_PRELOAD: library };
    const { code, stdout, stderr } = await run(process.execPath, [session], { env });
    assert.equal(code, 0, stderr);
    const { reason, why } = JSON.parse(stdout);
    assert.equal(reason, 'handshake-failed');
    assert.match(why, /watches no more sockets: No space left .*fs\.epoll\.max_user_watches/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
