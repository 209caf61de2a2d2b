import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../patience.ts';
import { childrenOf, readIfThere, runs } from '../processes.ts';
import { ListeningPrograms, say } from './stage/listening-programs.ts';
import { type Running, run, tlspoolCommand } from './stage/running.ts';

let programs: ListeningPrograms;
before(async () => {
  programs = await ListeningPrograms.create();
});
after(() => programs[Symbol.asyncDispose]());

test('a program that was killed: wrap ends with all that was started', async () => {
  await using served = await programs.serve('family.py');
  const { parent, child, grandchild } = await family(served.running);
  process.kill(parent, 'SIGKILL');
  // Its descendants are wrapped on, as those of a daemon would be.
  assert.ok(runs(child) && runs(grandchild));
  served.running.child.kill('SIGTERM');
  assert.equal(await served.running.ended, 137);
  await gone(child, grandchild);
});

test('a program that ends without its children when it is asked to: they are asked, too', async () => {
  const script = 'sleep 600 & sleep 600 & echo "started $!" >&2; wait';
  await using running = programs.pool.start('wrap', '--', 'sh', '-c', script);
  const [, last] = await running.saying(/^started (\d+)$/m);
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143);
  await gone(Number(last));
});

test('wrap killed with SIGKILL: nothing of the program runs on', async () => {
  await using served = await programs.serve('family.py');
  const { parent, child, grandchild } = await family(served.running);
  assert.equal(await say(programs, served.port), 'ok');
  served.running.child.kill('SIGKILL');
  assert.equal(await served.running.ended, 137);
  await gone(parent, child, grandchild);
  await assert.rejects(say(programs, served.port), /no answer/);
});

test('the guardian killed with SIGKILL: wrap sees to it that nothing runs on', async () => {
  await using served = await programs.serve('family.py');
  const { parent, child, grandchild } = await family(served.running);
  process.kill(parentOf(parent), 'SIGKILL');
  assert.equal(await served.running.ended, 137);
  await gone(parent, child, grandchild);
});

test('the guardian holds nothing open that wrap was started with, whatever its number', async () => {
  const opened = 'exec 9</dev/null 2000</dev/null; exec "$@"';
  const list = ['/bin/sh', '-c', 'ls /proc/self/fd; echo; ls /proc/$PPID/fd'];
  const wrap = tlspoolCommand('wrap', '--', ...list);
  const env = programs.pool.environment;
  const { code, stdout, stderr } = await run('bash', ['-c', opened, 'bash', ...wrap], { env });
  assert.equal(code, 0, stderr);
  const [program = [], guardian = []] = stdout
    .trim()
    .split('\n\n')
    .map((part) => part.split('\n'));
  assert.ok(program.includes('2000'), stdout);
  // Its stderr, and what it hears of wrap and of signals.
  assert.equal(guardian.length, 3, stdout);
});

test('the keeper of the private network killed with SIGKILL: wrap says so and ends', async () => {
  await using served = await programs.serve('family.py');
  const { parent, child, grandchild } = await family(served.running);
  const keeper = childrenOf(served.running.pid).find((pid) => pid !== parentOf(parent));
  process.kill(keeper ?? 0, 'SIGKILL');
  assert.equal(await served.running.ended, 125);
  assert.match(served.running.stderr, /no private network for it: who kept it was killed/);
  await gone(parent, child, grandchild);
});

test('the daemon killed with SIGKILL: wrap says so, and serves with the next one', async () => {
  const { pool } = programs;
  await using served = await programs.serve('counting.py');
  assert.equal(await say(programs, served.port), '1');
  pool.daemon.child.kill('SIGKILL');
  await served.running.saying(/the daemon went away/);
  await pool.daemon.ended;
  await pool.serve();
  await served.running.saying(/the daemon is back/);
  assert.equal(await say(programs, served.port), '2');
  assert.equal(await served.stop(), 143);
});

/** Whose process ids `family.py` tells. */
async function family(running: Running) {
  const idOf = async (who: string) =>
    Number((await running.saying(new RegExp(`^${who} (\\d+)$`, 'm')))[1]);
  return {
    parent: await idOf('parent'),
    child: await idOf('child'),
    grandchild: await idOf('grandchild'),
  };
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readIfThere(`/proc/${pid}/status`))?.[1]);
}

async function gone(...pids: readonly number[]): Promise<void> {
  await until(`the end of ${pids.join(', ')}`, () => !pids.some(runs));
}
