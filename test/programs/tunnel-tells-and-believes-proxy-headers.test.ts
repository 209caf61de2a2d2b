import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { name, openssl, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { ScriptedServer } from './stage/scripted-server.ts';
import { Served, tunnelled } from './stage/wrapped.ts';

const john = 'john@example.com';
const stage = new AsyncDisposableStack();
let pool: Pool;
before(async () => {
  pool = stage.use(await Pool.serving([[name], [john]]));
});
after(() => stage.disposeAsync());

function echo(): Promise<ScriptedServer> {
  return ScriptedServer.start('', (line) => (line === 'end' ? 'end' : undefined));
}

test('v1 tells the program who connects', async () => {
  await using program = await echo();
  const flags = ['--proxy-header', 'v1', '--connect', program.address];
  await using tunnel = await tunnelled(pool, ...flags);
  await openssl(pool, tunnel.port, 'hello\nend\n', '-ign_eof');
  const [header = '', ...others] = program.heard;
  assert.match(
    header,
    new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${tunnel.port}$`),
  );
  assert.deepEqual(others, ['hello', 'end']);
});

test('v2 tells it who the client proved to be, in STARTTLS too', async () => {
  await using program = await ScriptedServer.start('220 plain.example.com ESMTP\r\n', (line) => {
    if (line.includes('EHLO')) return '250 plain.example.com\r\n';
    return line === 'BYE' ? 'end' : undefined;
  });
  const flags = ['--starttls', 'smtp', '--proxy-header', 'v2', '--require-remote-id'];
  await using server = await tunnelled(pool, ...flags, '--connect', program.address);
  const there = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name, '--local-id', john];
  await using client = await tunnelled(pool, '--client', '--starttls', 'smtp', ...there);
  const input = 'EHLO me\r\nBYE\r\n';
  const { stdout } = await run('busybox', ['nc', '127.0.0.1', `${client.port}`], { input });
  assert.match(stdout, /250 plain/, server.running.stderr);
  const heard = program.heard.join('\n');
  // The second connection, made inside TLS, is the one that the client's words come on.
  assert.match(
    heard,
    /QUIT\n.*QUIT\n[\s\S]*john@example\.com[\s\S]*TLSv1\.3[\s\S]*TLS_AES_256_GCM_SHA384[\s\S]*EHLO me/s,
  );
  // PP2_SUBTYPE_SSL_CN, behind the remote identity.
  assert.ok(heard.includes(`\x22\0\x10${john}`), JSON.stringify(heard));
});

test('a header is believed from where it is expected, and the session is listed with that address', async () => {
  await using program = await echo();
  const flags = [
    '--proxy-from',
    '127.0.0.0/8',
    '--proxy-header',
    'v1',
    '--connect',
    program.address,
  ];
  await using tunnel = await tunnelled(pool, ...flags);
  const socket = connect(tunnel.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('PROXY TCP4 198.51.100.7 198.51.100.8 4711 443\r\n');
  const secure = connectTls({ socket, servername: name, ca: readFileSync(pool.caFile) });
  await once(secure, 'secureConnect');
  const listed = JSON.parse(
    await pool.command('sessions', 'show', '--peer', '198.51.100.7:4711', '--json'),
  );
  assert.equal(listed.session.peer, '198.51.100.7:4711');
  const gone = readAll(secure);
  secure.write('end\n');
  await gone;
  assert.equal(program.heard[0], 'PROXY TCP4 198.51.100.7 198.51.100.8 4711 443');
});

test('the session of an IPv4 client of a listener for both families is found by either spelling', async () => {
  await using program = await echo();
  const running = pool.start('tunnel', '--accept', '*:0', '--connect', program.address);
  await using tunnel = new Served(running, Number((await running.saying(/\[::\]:(\d+)/))[1]));
  const secure = connectTls({
    host: '127.0.0.1',
    port: tunnel.port,
    servername: name,
    ca: readFileSync(pool.caFile),
  });
  await once(secure, 'secureConnect');
  const shown = `127.0.0.1:${secure.localPort}`;
  for (const peer of [shown, `[::ffff:127.0.0.1]:${secure.localPort}`]) {
    assert.match(await pool.command('sessions', 'show', '--peer', peer), /local identity +www/);
  }
  const gone = readAll(secure);
  secure.write('end\n');
  await gone;
});

test('who is to send a header and does not is not served', async () => {
  await using program = await echo();
  await using tunnel = await tunnelled(
    pool,
    '--proxy-from',
    '127.0.0.1',
    '--connect',
    program.address,
  );
  const { code } = await openssl(pool, tunnel.port, 'hello\n');
  assert.notEqual(code, 0);
  await tunnel.running.saying(/PROXY protocol/);
  assert.deepEqual(program.heard, []);
});
