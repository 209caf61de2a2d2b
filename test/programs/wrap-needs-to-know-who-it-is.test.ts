import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

const wrapTrue = ['wrap', '--listen', '127.0.0.1:0', '--', 'true'];

test('without an identity for servers wrap says how to make one', async () => {
  await using pool = await Pool.serving([['john@example.com', '--role', 'client']]);
  const { code, stderr } = await runTlspool(wrapTrue, { env: pool.environment });
  assert.equal(code, 125);
  assert.match(stderr, /identities create/);
});

test('with several it lists them and names the flag', async () => {
  await using pool = await Pool.serving([['a.example.com'], ['b.example.com']]);
  const { code, stderr } = await runTlspool(wrapTrue, { env: pool.environment });
  assert.equal(code, 125);
  assert.match(stderr, /a\.example\.com, b\.example\.com/);
  assert.match(stderr, /--local-id/);
});

test('a name that is not there is found out before any client comes', async () => {
  await using pool = await Pool.serving([['a.example.com']]);
  const listen = ['--listen', '127.0.0.1:0', '--', 'true'];
  const missing = /there is no identity b\.example\.com for servers in /;
  for (const args of [
    ['wrap', '--local-id', 'b.example.com', ...listen],
    ['wrap', '--dry-run', '--tls', '8443', '--local-id', 'b.example.com', '--', 'true'],
  ]) {
    const { code, stdout, stderr } = await runTlspool(args, { env: pool.environment });
    assert.equal(code, 125);
    assert.match(stdout + stderr, missing);
  }
  const ends = ['--accept', '127.0.0.1:0', '--connect', '127.0.0.1:9'];
  const tunnel = await runTlspool(['tunnel', '--local-id', 'b.example.com', ...ends], {
    env: pool.environment,
  });
  assert.equal(tunnel.code, 1);
  assert.match(tunnel.stderr, missing);
  const client = ['--client', '--local-id', 'john@example.com', '--remote-id', 'a.example.com'];
  const asClient = await runTlspool(['tunnel', ...client, ...ends], { env: pool.environment });
  assert.match(asClient.stderr, /there is no identity john@example\.com for clients in /);
});
