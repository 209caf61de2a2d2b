import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

test('a second daemon at the same socket is refused, one that was killed is replaced', async () => {
  await using pool = await Pool.serving([]);
  const again = await runTlspool(['serve'], { env: pool.environment });
  assert.equal(again.code, 1);
  assert.match(again.stderr, /runs at .*pool\.sock already/);
  await pool.command('ping');

  pool.daemon.child.kill('SIGKILL');
  await pool.daemon.ended;
  assert.ok(existsSync(pool.socket), 'it could not tidy up');
  const lost = await runTlspool(['status'], { env: pool.environment });
  assert.equal(lost.code, 3, 'no daemon');

  await pool.serve();
  await pool.command('ping');
});

test('its socket, process id and address are there while it serves, for its user alone', async () => {
  await using pool = await Pool.create([]);
  const config = `${pool.folder}/clients.conf`;
  const pidFile = `${pool.folder}/pool.pid`;
  const daemon = pool.start('serve', '--client-config', config);
  await daemon.saying(/ready/);
  assert.equal(statSync(pool.socket).mode & 0o777, 0o600);
  assert.equal(statSync(`${pool.socket}.admin`).mode & 0o777, 0o600);
  assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
  const found = await runTlspool(['ping', '--json'], {
    env: { ...process.env, TLSPOOL_CONFIG_FILE: config },
  });
  assert.equal(JSON.parse(found.stdout).socket, pool.socket);

  daemon.child.kill('SIGTERM');
  assert.equal(await daemon.ended, 0);
  for (const path of [pool.socket, `${pool.socket}.admin`, pidFile, config]) {
    assert.ok(!existsSync(path), `${path} is left`);
  }
});

test('what is at the path and is no socket is left alone', async () => {
  await using pool = await Pool.create([]);
  writeFileSync(pool.socket, 'precious');
  const { code, stderr } = await runTlspool(['serve'], { env: pool.environment });
  assert.equal(code, 1);
  assert.match(stderr, /is not a socket/);
  assert.equal(readFileSync(pool.socket, 'utf8'), 'precious');
});

test('without state it names init, and leaves nothing behind', async () => {
  await using pool = await Pool.create([]);
  rmSync(pool.stateDir, { recursive: true });
  const { code, stderr } = await runTlspool(['serve'], { env: pool.environment });
  assert.equal(code, 1);
  assert.match(stderr, /tlspool init/);
  assert.ok(!existsSync(pool.socket));
});

test('a configuration that cannot be honoured is refused with its line', async () => {
  await using pool = await Pool.create([]);
  writeFileSync(`${pool.folder}/tlspool.conf`, 'log_level info\nradius_authn 192.0.2.1\n');
  const { code, stderr } = await runTlspool(['serve'], { env: pool.environment });
  assert.equal(code, 2);
  assert.match(stderr, /tlspool\.conf:2: radius_authn is not honoured/);
});
