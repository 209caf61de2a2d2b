import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { wrapped } from './stage/wrapped.ts';

test('the environment says who is connected to whom, and how', async () => {
  await using pool = await Pool.serving([[name]]);
  const flags = ['--inetd', '--alpn', 'http/1.1'];
  await using served = await wrapped(pool, flags, ['sh', '-c', 'env']);
  const { port } = served;

  const socket = await connected(pool, port, { ALPNProtocols: ['http/1.1'] });
  const clientPort = socket.localPort;
  const environment = new Map(
    (await readAll(socket)).split('\n').map((line) => line.split('=', 2) as [string, string]),
  );
  socket.destroy();
  const expected = {
    PROTO: 'TCP',
    TCPREMOTEIP: '127.0.0.1',
    TCPREMOTEPORT: String(clientPort),
    TCPLOCALIP: '127.0.0.1',
    TCPLOCALPORT: String(port),
    TLS_LOCAL_ID: name,
    TLS_VERSION: 'TLSv1.3',
    TLS_CIPHER: socket.getCipher()?.name ?? 'TLS_AES_256_GCM_SHA384',
    TLS_ALPN: 'http/1.1',
  };
  for (const [variable, value] of Object.entries(expected)) {
    assert.equal(environment.get(variable), value, variable);
  }
  assert.ok(!environment.has('TLS_REMOTE_ID'));
});
