import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connected, curl, name, readAll } from './stage/clients.ts';
import { ListeningPrograms } from './stage/listening-programs.ts';
import { nginx } from './stage/nginx.ts';
import type { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { run } from './stage/running.ts';
import { wrappedWhole } from './stage/wrapped.ts';

const page = 'from a program that knows nothing of TLS\n';

let programs: ListeningPrograms;
let pool: Pool;
let site: string;

before(async () => {
  programs = await ListeningPrograms.create();
  pool = programs.pool;
  site = join(pool.folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'page'), page);
});
after(() => programs[Symbol.asyncDispose]());

test("Python's http.server, whose log shows the real client", async () => {
  const server = ['/usr/bin/python3', '-u', '-m', 'http.server', '0', '--directory', site];
  await using served = await wrappedWhole(pool, [], server);
  const { stdout, stderr } = await curl(pool, served.port, '/page');
  assert.equal(stdout, page, stderr);
  await served.running.saying(/127\.0\.0\.1 - - .* "GET \/page HTTP\/1\.1" 200/);
  assert.equal(await served.stop(), 143);
});

test('nginx with two workers answers a thousand requests, and logs where each client was', async () => {
  const log = join(pool.folder, 'access.log');
  const format = '$remote_addr:$remote_port to $server_addr:$server_port';
  const { folder } = pool;
  const { port, command } = await nginx({ root: site, folder, log: { file: log, format } });
  await using served = await wrappedWhole(pool, [], command);
  const url = `https://127.0.0.1:${port}/page`;
  const kept = await run('ab', ['-q', '-k', '-n', '1000', '-c', '10', url]);
  assert.match(kept.stdout, /Complete requests: +1000\nFailed requests: +0/, kept.stderr);
  const local = 20_000 + (port % 20_000);
  const single = await curl(pool, port, '/page', '--local-port', `${local}-${local + 200}`);
  assert.equal(single.stdout, page, single.stderr);
  assert.equal(await served.stop(), 0);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  assert.equal(lines.length, 1001);
  const last = lines.at(-1) ?? '';
  const [, client = '', reached] = /^127\.0\.0\.1:(\d+) to 127\.0\.0\.1:(\d+)$/.exec(last) ?? [];
  assert.ok(Number(client) >= local && Number(client) <= local + 200, last);
  assert.equal(reached, String(port));
});

test('redis-server and redis-cli --tls', async () => {
  const port = await freePort();
  const server = ['redis-server', '--port', String(port), '--save', '', '--dir', pool.folder];
  await using served = await wrappedWhole(pool, [], server);
  const client = ['-p', String(port), '--tls', '--cacert', pool.caFile, '--sni', name];
  assert.equal((await run('redis-cli', [...client, 'set', 'key', 'value'])).stdout, 'OK\n');
  assert.equal((await run('redis-cli', [...client, 'get', 'key'])).stdout, 'value\n');
  assert.match(
    (await run('redis-cli', [...client, 'client', 'list'])).stdout,
    /addr=127\.0\.0\.1:/,
  );
  assert.equal(await served.stop(), 0);
});

test('the statically linked busybox httpd', async () => {
  const port = await freePort();
  const server = ['busybox', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', site];
  await using served = await wrappedWhole(pool, [], server);
  assert.equal((await curl(pool, served.port, '/page')).stdout, page);
});

test('a static Go program', async () => {
  await using served = await programs.serve('hello.go');
  for (let i = 0; i < 3; i++) await tellsWhereTheClientIs(served.port);
});

test('a server of Node', async () => {
  await using served = await programs.serve('hello.mjs');
  for (let i = 0; i < 3; i++) await tellsWhereTheClientIs(served.port);
});

/** The program answers with the address that it sees. */
async function tellsWhereTheClientIs(port: number): Promise<void> {
  const socket = await connected(pool, port);
  const seen = `127.0.0.1:${socket.localPort}`;
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
  const answer = await readAll(socket);
  socket.destroy();
  assert.ok(answer.includes(seen), answer);
}
