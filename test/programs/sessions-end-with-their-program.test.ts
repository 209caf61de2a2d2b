import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeSession, sessions, status } from '../../src/client/administration.ts';
import { until } from '../patience.ts';
import { Pool } from './stage/pool.ts';
import { Running } from './stage/running.ts';

const script = fileURLToPath(new URL('python/hold_sessions.py', import.meta.url));
const name = 'www.example.com';
const COUNT = '20';

/** Waits until the daemon has so many sessions. */
async function sessionsBecome(pool: Pool, count: number): Promise<void> {
  const now = async () => (await status({ socket: pool.socket })).sessions;
  await until(`${count} sessions`, async () => (await now()) === count);
}

test('kill -9 of a program ends its sessions and frees all that they had', async () => {
  await using pool = await Pool.serving([[name]]);
  await using warm = new Running('python3', [script, pool.socket, name, '1', 'plain']);
  await warm.saying(/holding/);
  warm.child.kill('SIGKILL');
  await sessionsBecome(pool, 0);
  const { openFiles } = await status({ socket: pool.socket });

  await using program = new Running('python3', [script, pool.socket, name, COUNT, 'plain']);
  await program.saying(/holding/);
  await sessionsBecome(pool, 2 * Number(COUNT));
  program.child.kill('SIGKILL');
  await sessionsBecome(pool, 0);
  // At any moment the pool may have one more open, as when it writes decisions down.
  const left = async () => (await status({ socket: pool.socket })).openFiles;
  await until('no file of theirs is open', async () => (await left()) <= openFiles);
});

test('with FORK they live on, and can be listed and closed', async () => {
  await using pool = await Pool.serving([[name]]);
  await using program = new Running('python3', [script, pool.socket, name, COUNT, 'fork']);
  await program.saying(/holding/);
  program.child.kill('SIGUSR1');
  await program.saying(/disconnected/);
  await sessionsBecome(pool, 2 * Number(COUNT));
  for await (const session of sessions({ socket: pool.socket })) {
    assert.equal(session.attached, false);
    assert.equal(session.version, 'TLSv1.3');
    assert.equal(session.group, 'X25519MLKEM768');
    // Both ends of a connection are sessions here: the one that is closed resets the other.
    await closeSession(session.id, { socket: pool.socket }).catch((error) => {
      assert.equal(error.code, 'no-session');
    });
  }
  await sessionsBecome(pool, 0);
  await assert.rejects(closeSession('none', { socket: pool.socket }), { code: 'no-session' });
});
