import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolStatus } from '../../src/core/server/administration-messages.ts';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

const name = 'www.example.com';

const check = (pool: Pool) => runTlspool(['status', '--check'], { env: pool.environment });

async function concerns(pool: Pool): Promise<readonly string[]> {
  const status = JSON.parse(await pool.command('status', '--json')) as PoolStatus;
  return status.concerns.map(({ code, about }) => `${code} ${about}`);
}

test('a revoked certificate of our own is named, by status and in the log, until it is renewed', async () => {
  await using pool = await Pool.serving([[name]]);
  assert.deepEqual(await concerns(pool), []);
  const well = await check(pool);
  assert.equal(well.code, 0, well.stderr);
  assert.equal(well.stdout, 'Nothing needs attention.\n');

  await pool.command('ca', 'revoke', name);
  assert.deepEqual(await concerns(pool), [`identity-revoked ${name}`]);
  const ill = await check(pool);
  assert.equal(ill.code, 1, ill.stderr);
  assert.match(ill.stdout, /^- the certificate of www\.example\.com .* was revoked/);
  const hint = /Renew it: tlspool (.*)/.exec(ill.stdout)?.[1] ?? assert.fail(ill.stdout);
  assert.match(await pool.command('status'), /Needs attention:\n- the certificate of/);

  await pool.stopServing();
  await pool.serve();
  await pool.daemon.saying(/the certificate of www\.example\.com .* was revoked/);

  // As it is said, word for word.
  await pool.command(...hint.split(' '));
  assert.equal((await check(pool)).code, 0);
});

test('a group whose file cannot be read is named', async () => {
  await using pool = await Pool.serving([[name]]);
  await pool.command('authz', 'group', 'create', 'staff', '--file', `${pool.folder}/none`);
  await pool.command('authz', 'allow', 'group:staff', '--to', name);
  assert.deepEqual(await concerns(pool), ['group-unknown staff']);
});
