import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../src/client/index.ts';
import { handedOver } from './stage/handed-over.ts';
import { Pool } from './stage/pool.ts';

const name = 'www.example.com';

test('SIGTERM lets open sessions end in their own time, and takes no new ones', async () => {
  await using pool = await Pool.serving([[name]]);
  const program = await connect({ socket: pool.socket });
  using session = await handedOver(program, pool, name);
  pool.daemon.child.kill('SIGTERM');
  await pool.daemon.saying(/ends when its sessions have/);
  await assert.rejects(connect({ socket: pool.socket }), { code: 'no-daemon' });
  await assert.rejects(handedOver(program, pool, name), /being stopped/);

  session.plain.write('still here');
  assert.equal(String(await session.heard()), 'still here');
  assert.equal(pool.daemon.child.exitCode, null);
  session.plain.end();
  session.tls.end();
  assert.equal(await pool.daemon.ended, 0);
});

test('a second signal ends it at once', async () => {
  await using pool = await Pool.serving([[name]]);
  const program = await connect({ socket: pool.socket });
  using _session = await handedOver(program, pool, name);
  pool.daemon.child.kill('SIGTERM');
  await pool.daemon.saying(/ends when its sessions have/);
  pool.daemon.child.kill('SIGTERM');
  assert.equal(await pool.daemon.ended, 128 + constants.signals.SIGTERM);
});

test('sessions that do not end are given drain_timeout, no more', async () => {
  await using pool = await Pool.serving([[name]], 'drain_timeout 300 ms\n');
  const program = await connect({ socket: pool.socket });
  using session = await handedOver(program, pool, name);
  pool.daemon.child.kill('SIGTERM');
  assert.equal(await pool.daemon.ended, 0);
  await pause(0);
  assert.ok(session.tls.destroyed || session.tls.readableEnded || (await session.ended()));
});
