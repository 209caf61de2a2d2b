import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { curl, name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { wrappedWhole } from './stage/wrapped.ts';

const page = 'from a program that knows nothing of TLS\n';

test('a stock HTTP server of Python serves over TLS, and its log has the real client', async () => {
  await using pool = await Pool.serving([[name]]);
  const site = join(pool.folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'page'), page);
  const server = ['/usr/bin/python3', '-u', '-m', 'http.server', '0', '--directory', site];
  await using served = await wrappedWhole(pool, [], server);
  const { stdout, stderr } = await curl(pool, served.port, '/page', '--local-port', '20000-60000');
  assert.equal(stdout, page, stderr);
  await served.running.saying(/127\.0\.0\.1 - - .* "GET \/page HTTP\/1\.1" 200/);
  assert.equal(await served.stop(), 143);
});
