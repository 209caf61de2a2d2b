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
