import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { handedOver } from './stage/handed-over.ts';
import { Pool } from './stage/pool.ts';

const name = 'www.example.com';

test('SIGHUP applies what can change, names what cannot, and keeps the old for a file that is faulty or gone', async () => {
  await using pool = await Pool.serving([[name]]);
  const file = `${pool.folder}/tlspool.conf`;
  const program = await connect({ socket: pool.socket });

  writeFileSync(file, 'deny_facilities starttls\nthreads 7\nsocket_mode 0660\n');
  pool.daemon.child.kill('SIGHUP');
  await pool.daemon.saying(/"restart":\["socket_mode","threads"\].*was read anew/);
  assert.equal((await program.ping()).facilities & 1, 0);
  await assert.rejects(handedOver(program, pool, name), { code: 'facility-starttls' });

  writeFileSync(file, 'nonsense\n');
  pool.daemon.child.kill('SIGHUP');
  await pool.daemon.saying(/there is no setting nonsense/);
  assert.equal((await program.ping()).facilities & 1, 0);

  rmSync(file);
  pool.daemon.child.kill('SIGHUP');
  await pool.daemon.saying(/there is no configuration file/);
  assert.equal((await program.ping()).facilities & 1, 0);

  writeFileSync(file, 'max_sessions 1\n');
  pool.daemon.child.kill('SIGHUP');
  await pool.daemon.saying(/was read anew[\s\S]*was read anew/);
  using _only = await handedOver(program, pool, name);
  await assert.rejects(handedOver(program, pool, name), { code: 'EAGAIN', message: /its limit/ });
});

test('what a command writes is seen without a signal', async () => {
  await using pool = await Pool.serving([]);
  const program = await connect({ socket: pool.socket });
  await assert.rejects(handedOver(program, pool, name), {
    code: 'ENOENT',
    message: /tlspool identities create www\.example\.com/,
  });
  await pool.command('identities', 'create', name);
  using _session = await handedOver(program, pool, name);
});
