import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { patience } from '../patience.ts';
import { handedOver } from './stage/handed-over.ts';
import { Pool } from './stage/pool.ts';
import { Terminal } from './stage/terminal.ts';

const name = 'www.example.com';
const root = join(import.meta.dirname, '../..');
/** µs that a signature takes; 3 s are long enough for a touch to be the likely reason. */
const TOUCH = 12_000_000;

/** Has the pool's token wait, at each signature, as for a finger. */
function wantTouches(pool: Pool): NodeJS.ProcessEnv {
  execFileSync('make', ['-s', '-C', join(root, 'test/fault-shim')], { timeout: patience });
  const shim = join(root, 'build/fault-shim.so');
  using store = new DatabaseSync(join(pool.stateDir, 'store.sqlite'));
  const { path } = store.prepare('select path from modules').get() as { path: string };
  store.exec('pragma foreign_keys = off');
  store.prepare('update modules set path = ?').run(shim);
  store.prepare('update tokens set module_path = ?').run(shim);
  const orders = join(pool.folder, 'orders');
  writeFileSync(orders, `delay C_Sign ${TOUCH}\n`);
  return { FAULT_SHIM_MODULE: path, FAULT_SHIM_CONTROL: orders };
}

test('who asks for PINs at a terminal is told there of a token that waits for a touch, and when it answers', async () => {
  await using pool = await Pool.create([[name]]);
  const before = { ...process.env };
  Object.assign(process.env, wantTouches(pool));
  try {
    await pool.serve('');
  } finally {
    process.env = before;
  }
  await using terminal = await Terminal.running(pool, 'pin');
  await terminal.showing(/ready/);
  const program = await connect({ socket: pool.socket });
  try {
    const session = handedOver(program, pool, name, { timeout: Number.POSITIVE_INFINITY });
    session.catch(() => undefined);
    await terminal.showing(/The token tlspool does not answer: touch it/);
    using done = await session;
    assert.equal(done.session.localId, name);
    await terminal.showing(/The token tlspool answers again/);
    await terminal.press('C-c');
    assert.equal((await terminal.ended()).code, 0);
  } finally {
    program.close();
  }
});
