import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  DecisionLog,
  type ProgramRecord,
  readDecisions,
} from '../../../src/core/authz/decision-log.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';

const record: ProgramRecord = {
  id: 's-1',
  at: new Date(0).toISOString(),
  allowed: true,
  reason: 'allowed-by-rule',
  rule: 'r1',
  local: 'lists.example.org',
  about: 'program',
  role: 'server',
  pid: 1,
  uid: 1,
  gids: [],
  executable: '',
  unit: '',
};

function made(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-decisions-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const stateDir = join(folder, 'state');
  const errors: string[] = [];
  const lost: unknown[] = [];
  const log = new DecisionLog(stateDir, {
    ...silentLog,
    warn: (fields) => lost.push((fields as { lost?: number }).lost),
    error: (_fields, message) => errors.push(message),
  });
  return { stateDir, log, errors, lost };
}

test('decisions beyond what may wait are lost, which is told with their number', async (t) => {
  const { stateDir, log, errors, lost } = made(t);
  mkdirSync(stateDir);
  for (let count = 0; count < 20_007; count += 1) log.add(record);
  await log.flush();
  assert.equal((await readDecisions(stateDir, 30_000)).length, 20_000);
  assert.deepEqual([lost, errors], [[7], []]);
  log.add(record);
  await log.flush();
  assert.deepEqual(lost, [7], 'once');
});

test('a disk that takes nothing is told of once, and what that cost when it takes some again', async (t) => {
  const { stateDir, log, errors, lost } = made(t);
  for (let count = 0; count < 3; count += 1) {
    log.add(record);
    await log.flush();
  }
  assert.deepEqual([lost, errors], [[], ['decisions cannot be written']]);
  mkdirSync(stateDir);
  log.add(record);
  await log.flush();
  assert.deepEqual(lost, [3]);
  assert.equal((await readDecisions(stateDir, 10)).length, 1);
});

test('nothing is lost when several pools of a state folder fill a file, and the older one is read as well', async (t) => {
  const { stateDir } = made(t);
  mkdirSync(stateDir);
  const [pools, each, rounds] = [4, 700, 5];
  const long = { ...record, executable: '/'.padEnd(500, 'x') };
  const logs = Array.from({ length: pools }, () => new DecisionLog(stateDir, silentLog));
  const readers: Promise<number>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const written = logs.map((log, pool) => {
      for (let count = 0; count < each; count += 1) log.add({ ...long, id: `${pool}-${round}` });
      return log.flush();
    });
    readers.push(readDecisions(stateDir, 100_000).then(({ length }) => length));
    await Promise.all(written);
  }
  const counts = await Promise.all(readers);
  assert.deepEqual(
    counts,
    counts.toSorted((one, other) => one - other),
    'what was read once is read later',
  );
  assert.ok(existsSync(`${stateDir}/decisions.log.1`), 'a second file was begun');
  const all = await readDecisions(stateDir, 100_000);
  assert.equal(all.length, pools * each * rounds);
  assert.equal((await readDecisions(stateDir, 12)).length, 12);
  assert.equal((await readDecisions(stateDir, 12)).at(-1)?.id.endsWith(`-${rounds - 1}`), true);
});
