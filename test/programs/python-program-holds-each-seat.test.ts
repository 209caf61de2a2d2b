import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askingPool } from './stage/asking-pool.ts';
import { run } from './stage/running.ts';

const script = fileURLToPath(new URL('python/hold_seats.py', import.meta.url));
const name = 'www.example.com';
const isRoot = process.getuid?.() === 0;

test('a Python program that knows only the description of the protocol holds each seat, others do not', async () => {
  // Whoever may connect: the seats have rules of their own.
  const config = isRoot ? 'seat_group 4711\nsocket_mode 0666\n' : '';
  await using asking = await askingPool(
    [[name], ['john@example.com'], ['work@example.com']],
    config,
  );
  const { pool, pinFile } = asking;
  await pool.command('disclose', 'add', '.example.com', 'work@example.com');
  if (isRoot) chmodSync(pool.folder, 0o755);
  const { code, stdout, stderr } = await run('python3', [script, pool.socket, name, pinFile]);
  assert.equal(code, 0, stdout + stderr + pool.daemon.stderr);
  assert.deepEqual(stdout.trim().split('\n'), [
    'the_pin_is_asked_for_and_given',
    'identities_are_chosen',
    ...(isRoot
      ? ['a_stranger_gets_neither', 'a_member_of_the_group_gets_seats_and_nothing_else']
      : []),
  ]);
  // Kept because the handshake succeeded; the other choice was not.
  const { disclosures } = JSON.parse(await pool.command('disclose', 'list', '--json'));
  assert.deepEqual(disclosures, [
    { remote: '.example.com', locals: ['work@example.com'] },
    { remote: name, locals: ['john@example.com'] },
  ]);
});
