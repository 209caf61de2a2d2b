import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { OwnCa } from './stage/own-ca.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { echo, TlsServer } from './stage/tls-server.ts';

const name = 'www.example.com';

test('whoami fetches the certificate of a server, and says what rules make of it', async () => {
  using ca = new OwnCa();
  await using pool = await Pool.create([]);
  await using server = await TlsServer.start(ca.credential(name), echo);
  const place = `127.0.0.1:${server.port}`;
  const ask = async (...flags: string[]) => {
    const asked = pool.start('authz', 'whoami', '--cert', place, ...flags, '--json');
    return { code: await asked.ended, ...JSON.parse(asked.stdout) };
  };
  await pool.command('authz', 'group', 'create', 'webs', '.example.com');

  const stranger = await ask('--role', 'server');
  assert.deepEqual([stranger.code, stranger.remoteId, stranger.names], [1, null, [name]]);
  assert.match(stranger.refusal, /issuer certificate/);

  await pool.command('trust', 'add', ca.file);
  const known = await ask('--role', 'server');
  assert.deepEqual([known.code, known.remoteId, known.groups], [0, name, ['webs']]);
  // As a client it would have to be vouched for as one.
  assert.equal((await ask()).code, 1);
});

test('a server that is not there, or says nothing, is told of and not waited for', async () => {
  await using pool = await Pool.create([]);
  const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  try {
    const { port } = silent.address() as AddressInfo;
    const ask = async (place: string) => {
      const asked = pool.start('authz', 'whoami', '--cert', place, '--json');
      assert.equal(await asked.ended, 2);
      const { error } = JSON.parse(asked.stdout);
      assert.equal(error.code, 'no-certificate');
      assert.ok(error.message.startsWith(`${place} shows no certificate: `), error.message);
    };
    await Promise.all([ask(`127.0.0.1:${await freePort()}`), ask(`127.0.0.1:${port}`)]);
  } finally {
    silent.close();
  }
});
