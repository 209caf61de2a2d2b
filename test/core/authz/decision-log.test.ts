import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
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
