import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { readProcess } from '../../../src/core/engine/process.ts';
import type { PeerCredentials } from '../../../src/core/engine/sockets.ts';
import { claimedProgram } from '../../../src/core/session/program.ts';

/** A process below this one. */
async function child(t: TestContext) {
  const spawned = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  t.after(() => spawned.kill('SIGKILL'));
  await once(spawned, 'spawn');
  const facts = readProcess(spawned.pid ?? 0);
  assert.ok(facts);
  return { spawned, claim: { pid: facts.pid, started: facts.started } };
}

/** This process, as the pool would see it at the other end of a connection. */
function ourselves(changes: Partial<PeerCredentials> = {}): PeerCredentials {
  const facts = readProcess(process.pid);
  assert.ok(facts);
  const [, uid = -1] = facts.uids;
  const [, gid = -1] = facts.gids;
  const { pid, groups, executable, unit, started } = facts;
  return { pid, uid, gid, groups: [...groups], executable, unit, started, ...changes };
}

const nobodysPool = -1;

test('a process below the one that asks is believed, and known by what it runs', async (t) => {
  const { claim } = await child(t);
  const program = claimedProgram(ourselves(), claim, nobodysPool);
  assert.equal(program.pid, claim.pid);
  assert.equal(program.uid, process.getuid?.());
  assert.equal(program.executable, realpathSync('/bin/cat'));
  const digest = createHash('sha256').update(readFileSync('/bin/cat')).digest('hex');
  assert.equal(program.digest(), digest);
});

test('a process that does not descend from the one that asks is not believed', async (t) => {
  const { claim } = await child(t);
  const parent = readProcess(process.ppid);
  assert.ok(parent);
  const above = { pid: parent.pid, started: parent.started };
  assert.throws(() => claimedProgram(ourselves(), above, nobodysPool), {
    code: 'EACCES',
    message: /does not descend/,
  });
  // A later owner of the pid that asked is another process.
  const later = ourselves({ started: ourselves().started + 1 });
  assert.throws(() => claimedProgram(later, claim, nobodysPool), { code: 'EACCES' });
});

test('whoever is not privileged asks for processes of its own rights only', async (t) => {
  const { claim } = await child(t);
  const somebody = ourselves({ uid: 61_001 });
  assert.throws(() => claimedProgram(somebody, claim, nobodysPool), {
    code: 'EACCES',
    message: /has other rights/,
  });
  assert.equal(claimedProgram(somebody, claim, 61_001).pid, claim.pid, "the pool's own user may");
});

test('a process that is gone, or whose pid has another owner, is nobody', async (t) => {
  const { spawned, claim } = await child(t);
  const other = { ...claim, started: claim.started + 1 };
  assert.throws(() => claimedProgram(ourselves(), other, nobodysPool), { code: 'ESRCH' });
  spawned.kill('SIGKILL');
  await once(spawned, 'exit');
  assert.throws(() => claimedProgram(ourselves(), claim, nobodysPool), { code: 'ESRCH' });
});
