import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';

const script = fileURLToPath(new URL('python/walk_through.py', import.meta.url));
const name = 'www.example.com';

test('a Python program that knows only the description of the protocol does all of it', async () => {
  await using pool = await Pool.serving([[name]]);
  const { code, stdout, stderr } = await run('python3', [script, pool.socket, pool.caFile, name]);
  assert.equal(code, 0, stdout + stderr + pool.daemon.stderr);
  assert.deepEqual(stdout.trim().split('\n'), [
    'ping',
    'starttls_as_server_to_a_stranger',
    'starttls_both_roles_prng_and_info',
    'the_program_chooses_its_identity',
    'detach_and_reattach',
    'fork_and_born_detached',
    'renegotiate',
    'renegotiate_as_client',
  ]);
  const sessions = JSON.parse(await pool.command('sessions', 'list', '--json'));
  assert.deepEqual(sessions, { sessions: [] });
});
