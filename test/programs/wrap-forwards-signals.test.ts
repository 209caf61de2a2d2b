import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../patience.ts';
import { runs } from '../processes.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';

const listen = ['wrap', '--quiet', '--listen', '127.0.0.1:0', '--'];

/** Says `ready` on stderr, then the name of each signal that comes; SIGTERM ends it with 3. */
const listener = `
  for s in HUP INT QUIT USR1 USR2 WINCH; do trap "echo got $s >&2" $s; done
  trap 'echo got TERM >&2; exit 3' TERM
  echo ready >&2
  while :; do sleep 0.01; done`;

test('the program gets the signals that wrap gets, and decides how it ends', async () => {
  await using pool = await Pool.serving([[name]]);
  await using running = pool.start(...listen, 'sh', '-c', listener);
  await running.saying(/ready/);
  for (const signal of ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'WINCH'] as const) {
    running.child.kill(`SIG${signal}`);
    await running.saying(new RegExp(`got ${signal}`));
  }
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 3);
});

test('when wrap is killed its program is told to end', async () => {
  await using pool = await Pool.serving([[name]]);
  await using running = pool.start(...listen, 'sh', '-c', `echo $$ >&2; ${listener}`);
  const [, pid] = await running.saying(/^(\d+)$/m);
  await running.saying(/ready/);
  running.child.kill('SIGKILL');
  await until('the end of the program', () => !runs(Number(pid)));
});
