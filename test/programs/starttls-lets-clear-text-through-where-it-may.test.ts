import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../patience.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { ScriptedServer } from './stage/scripted-server.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let program: ScriptedServer;
let tunnel: Served;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  program = stage.use(
    await ScriptedServer.start('220 plain.example.com ESMTP\r\n', (line) => {
      if (line.startsWith('EHLO')) return '250-plain.example.com\r\n250 AUTH PLAIN\r\n';
      return line === 'QUIT' ? '221 Bye\r\nend' : '250 heard\r\n';
    }),
  );
  const flags = ['--starttls', 'smtp', '--unsafe-tls-optional', '--connect', program.address];
  tunnel = stage.use(await tunnelled(pool, ...flags));
});
after(() => stage.disposeAsync());

async function inTheClear(): Promise<string> {
  const input = 'EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\nQUIT\r\n';
  const { stdout } = await run('busybox', ['nc', '127.0.0.1', `${tunnel.port}`], { input });
  return stdout;
}

test('who does not ask for TLS is served in the clear, as nobody, and the log says so', async () => {
  const told = await inTheClear();
  assert.match(
    told,
    /250-AUTH PLAIN\r\n250 STARTTLS\r\n250 heard\r\n221 Bye/,
    tunnel.running.stderr,
  );
  assert.deepEqual(program.heard.slice(-3), [
    'EHLO client.example.com',
    'MAIL FROM:<a@example.com>',
    'QUIT',
  ]);
  await pool.daemon.saying(/"service":"smtp","peer":"127\.0\.0\.1:\d+".*"msg":"in the clear"/);
});

test('who asks for it gets it', async () => {
  const { stdout, stderr } = await run('swaks', [
    ...['--server', '127.0.0.1', '--port', `${tunnel.port}`, '--tls', '--tls-verify'],
    ...['--tls-ca-path', pool.caFile, '--quit-after', 'MAIL', '--from', 'a@example.com'],
  ]);
  assert.match(stdout, /=== TLS started[\s\S]*<~ {2}250 heard/, stdout + stderr);
});

test('where our identity is closed, TLS is required of those in the clear, and the program hears nothing of them', async () => {
  await pool.command('authz', 'close', name);
  const known = program.heard.length;
  const told = await inTheClear();
  assert.match(told, /530 5\.7\.0 Must issue a STARTTLS command first\r\n221 2\.0\.0 Bye/);
  await pool.daemon.saying(/"remote":"".*"msg":"denied"/);
  assert.deepEqual(
    program.heard.slice(known).filter((line) => /client\.example|MAIL/.test(line)),
    [],
  );
  await pool.command('authz', 'open', name);
  await until('open again', async () => /250 heard/.test(await inTheClear()));
});

test('it is no choice where clients must prove who they are, nor for clients, nor where there is no STARTTLS', async () => {
  const there = ['tunnel', '--accept', '127.0.0.1:0', '--connect', program.address];
  for (const [flags, why] of [
    [['--starttls', 'smtp', '--require-remote-id'], /cannot prove who it is/],
    [['--starttls', 'smtp', '--client', '--remote-id', name], /is for servers/],
    [['--starttls', 'ftp'], /its data connections/],
    [[], /starttls/],
  ] as const) {
    const refused = pool.start(...there, ...flags, '--unsafe-tls-optional');
    assert.equal(await refused.ended, 2);
    assert.match(refused.stderr, why);
    await refused[Symbol.asyncDispose]();
  }
});
