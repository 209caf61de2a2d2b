import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort, listening } from './stage/ports.ts';
import { Running, run } from './stage/running.ts';
import { stolenNothing, VsftpdFiles } from './stage/vsftpd.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let files: VsftpdFiles;
let server: Served;
let client: Served;

before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  files = stage.use(new VsftpdFiles());
  const port = await startVsftpd();
  server = stage.use(await tunnelled(pool, '--starttls', 'ftp', '--connect', `127.0.0.1:${port}`));
  const there = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name];
  client = stage.use(await tunnelled(pool, '--client', '--starttls', 'ftp', ...there));
});
after(() => stage.disposeAsync());

/** It knows nothing of TLS. */
async function startVsftpd(): Promise<number> {
  const port = await freePort();
  const [command = '', ...args] = files.command('127.0.0.1', port);
  const vsftpd = stage.use(new Running(command, args));
  await listening(port, vsftpd);
  return port;
}

function overTls(...args: readonly string[]) {
  const resolve = ['--cacert', pool.caFile, '--resolve', `${name}:${server.port}:127.0.0.1`];
  return run('curl', ['-sS', '--max-time', '100', ...resolve, ...args]);
}

const passiveModes = [
  ['passive', []],
  ['passive without EPSV', ['--disable-epsv']],
] as const;
const active = ['--ftp-port', '127.0.0.1'];
const activeModes = [
  ['active', active],
  ['active without EPRT', [...active, '--disable-eprt']],
] as const;

for (const [mode, flags] of passiveModes) {
  test(`curl fetches from vsftpd and stores there over FTPS, in ${mode} mode`, async () => {
    const url = `ftp://${name}:${server.port}`;
    const fetched = await overTls('--ssl-reqd', ...flags, `${url}/file`);
    assert.equal(fetched.code, 0, fetched.stderr + server.running.stderr);
    assert.equal(fetched.stdout.length, 3_000_000);
    const stored = `${mode.replaceAll(' ', '-')}-tls`;
    const upload = ['-T', files.file, `${url}/in/${stored}`];
    const sent = await overTls('--ssl-reqd', ...flags, ...upload);
    assert.equal(sent.code, 0, sent.stderr);
    assert.equal(files.stored(stored), 3_000_000);
  });
}

// Not with curl, which before 8.0 forgets TLS on data connections in active mode.
test('Python fetches from vsftpd and stores there over FTPS, in active mode', async () => {
  const script = fileURLToPath(new URL('python/active_ftps.py', import.meta.url));
  const { stdout, stderr } = await run('python3', [script, `${server.port}`, name, pool.caFile]);
  assert.equal(stdout, '3000000 3000000\n', stderr + server.running.stderr);
});

for (const version of ['TLSv1_2', 'TLSv1_3']) {
  test(`a client gets no data of another one at its address, ${version}`, async () => {
    const script = fileURLToPath(new URL('python/data_thief.py', import.meta.url));
    const words = [script, `${server.port}`, name, pool.caFile, version];
    const { stdout, stderr } = await run('python3', words);
    assert.equal(stdout, stolenNothing, stderr + server.running.stderr);
  });
}

for (const [mode, flags] of [...passiveModes, ...activeModes]) {
  test(`a plain client of FTP does so by a tunnel, in ${mode} mode`, async () => {
    const url = `ftp://127.0.0.1:${client.port}`;
    const common = ['-sS', '--max-time', '100', ...flags];
    const listed = await run('curl', [...common, `${url}/`]);
    assert.match(listed.stdout, / file\s/, listed.stderr + client.running.stderr);
    const stored = `${mode.replaceAll(' ', '-')}-plain`;
    const upload = ['-T', files.file, `${url}/in/${stored}`];
    const sent = await run('curl', [...common, ...upload]);
    assert.equal(sent.code, 0, sent.stderr + client.running.stderr);
    assert.equal(files.stored(stored), 3_000_000);
  });
}

test('a plain client stores file after file over one connection of a tunnel', async () => {
  const url = `ftp://127.0.0.1:${client.port}/in`;
  const uploads = ['one', 'two', 'three', 'four'].flatMap((file) => [
    ...['-T', files.file],
    `${url}/${file}-of-several`,
  ]);
  const sent = await run('curl', ['-sS', '--max-time', '100', ...uploads]);
  assert.equal(sent.code, 0, sent.stderr + client.running.stderr);
  assert.equal(files.stored('four-of-several'), 3_000_000);
});

test('without TLS nobody logs in', async () => {
  const there = `ftp://127.0.0.1:${server.port}/file`;
  const { code, stderr } = await run('curl', ['-sS', '--max-time', '100', there]);
  assert.equal(code, 67, stderr);
});

test('data is not sent in the clear, nor to whoever resumed no session', async () => {
  const there = `ftp://${name}:${server.port}/file`;
  const unprotected = await overTls('--ftp-ssl-control', there);
  assert.notEqual(unprotected.code, 0);
  assert.equal(unprotected.stdout, '');
  const strange = await overTls('--ssl-reqd', '--no-sessionid', there);
  assert.notEqual(strange.code, 0);
  assert.equal(strange.stdout, '');
});
