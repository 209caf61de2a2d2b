import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findSoftHsm } from '../../src/core/token/modules.ts';
import { curl, name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

test('a key that somebody took out of the token is named as what is missing, with the identity in the log', async () => {
  await using pool = await Pool.serving([[name]]);
  await deleteKey(pool);
  await using tunnel = await tunnelled(pool, '--connect', '127.0.0.1:9');
  const { code } = await curl(pool, tunnel.port, '/');
  assert.notEqual(code, 0);
  await tunnel.running.saying(/our key is not in its token \(KEY_NOT_FOUND\)\. Make another:/);
  const [line] = await pool.daemon.saying(/\{.*"handshake failed"\}/);
  const { local, error } = JSON.parse(line);
  assert.deepEqual([local, error], [name, 'our key is not in its token (KEY_NOT_FOUND)']);
});

async function deleteKey(pool: Pool): Promise<void> {
  const pin = readFileSync(join(pool.stateDir, 'pin'), 'utf8').trim();
  const key = ['--delete-object', '--type', 'privkey', '--label', name];
  const { code, stderr } = await run(
    'pkcs11-tool',
    ['--module', findSoftHsm(), '--login', '--pin', pin, ...key],
    { env: { ...process.env, SOFTHSM2_CONF: join(pool.stateDir, 'softhsm2.conf') } },
  );
  assert.equal(code, 0, stderr);
}
