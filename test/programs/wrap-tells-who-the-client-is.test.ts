import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const tellRemote = ['sh', '-c', 'echo "<$TLS_REMOTE_ID>"'];
const john = 'john@example.com';

test('a client that proves who it is, is known by name; one that does not is turned away', async () => {
  await using pool = await Pool.serving([[name], [john, '--role', 'client']]);
  await using served = await wrapped(pool, ['--inetd', '--require-remote-id'], tellRemote);
  const { port } = served;
  const server = ['--client', '--connect', `127.0.0.1:${port}`, '--remote-id', name];

  await using known = await tunnelled(pool, ...server, '--local-id', john);
  assert.equal(await readAll(connect(known.port, '127.0.0.1')), `<${john}>\n`);

  const unknown = await connected(pool, port, { maxVersion: 'TLSv1.3' });
  await assert.rejects(readAll(unknown), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
});

test('a client that is asked may stay anonymous', async () => {
  await using pool = await Pool.serving([[name], [john, '--role', 'client']]);
  await using served = await wrapped(pool, ['--inetd', '--request-remote-id'], tellRemote);
  const { port } = served;
  const anonymous = await connected(pool, port);
  assert.equal(await readAll(anonymous), '<>\n');
  anonymous.destroy();

  const server = ['--client', '--connect', `127.0.0.1:${port}`, '--remote-id', name];
  await using known = await tunnelled(pool, ...server, '--local-id', john);
  assert.equal(await readAll(connect(known.port, '127.0.0.1')), `<${john}>\n`);
});

test('nobody is asked unless a flag says so', async () => {
  await using pool = await Pool.serving([[name], [john, '--role', 'client']]);
  await using served = await wrapped(pool, ['--inetd'], tellRemote);
  const { port } = served;
  const server = ['--client', '--connect', `127.0.0.1:${port}`, '--remote-id', name];
  await using client = await tunnelled(pool, ...server, '--local-id', john);
  assert.equal(await readAll(connect(client.port, '127.0.0.1')), '<>\n');
});
