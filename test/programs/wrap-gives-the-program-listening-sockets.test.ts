import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';

const server = fileURLToPath(new URL('stage/activation-server.py', import.meta.url));

test('a program made for socket activation serves two ports, each known by its name', async () => {
  await using pool = await Pool.serving([[name]]);
  await using running = pool.start(
    ...['wrap', '--listen', 'web=127.0.0.1:0', '--listen', 'admin=[::1]:0'],
    ...['--', 'python3', server],
  );
  const [, web, admin] = await running.saying(/127\.0\.0\.1:(\d+), \[::1\]:(\d+): serving as (.*)/);
  for (const [host, port, socketName] of [
    ['127.0.0.1', Number(web), 'web'],
    ['::1', Number(admin), 'admin'],
  ] as const) {
    const socket = await connected(pool, port, { host });
    socket.end('hello');
    const [greeting, echo, summary] = (await readAll(socket)).trim().split('\n');
    assert.deepEqual(JSON.parse(greeting ?? ''), { name: socketName, family: 'AF_UNIX' });
    assert.equal(echo, 'hello');
    assert.equal(summary, '5 bytes');
    socket.destroy();
  }
});

test('the way round TLS is closed to other users, and gone afterwards', async () => {
  await using pool = await Pool.serving([[name]]);
  await using running = pool.start(...['wrap', '--listen', '127.0.0.1:0', '--', 'python3', server]);
  await running.saying(/serving as/);
  const [folder] = privateFolders(pool);
  assert.ok(folder, 'a private folder');
  assert.equal(statSync(folder).mode & 0o777, 0o700);

  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143);
  assert.deepEqual(privateFolders(pool), []);
});

function privateFolders({ folder }: Pool): string[] {
  const names = readdirSync(folder).filter((entry) => entry.startsWith('tlspool-wrap-'));
  return names.map((entry) => join(folder, entry));
}
