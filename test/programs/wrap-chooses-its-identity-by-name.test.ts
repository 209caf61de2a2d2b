import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { wrapped } from './stage/wrapped.ts';

test('SNI chooses among the identities of the listener, and no others', async () => {
  const names = ['a.example.com', 'b.example.com', 'c.example.com'];
  await using pool = await Pool.serving(names.map((id) => [id]));
  const flags = ['--inetd', '--local-id', 'a.example.com', '--local-id', 'b.example.com'];
  await using served = await wrapped(pool, flags, ['sh', '-c', 'echo "$TLS_LOCAL_ID"']);
  const { port } = served;
  for (const servername of ['a.example.com', 'b.example.com']) {
    const socket = await connected(pool, port, { servername });
    assert.equal(await readAll(socket), `${servername}\n`);
    socket.destroy();
  }
  await assert.rejects(connected(pool, port, { servername: 'c.example.com' }), {
    code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
  });
});

test('a listener with one identity shows it whatever name is asked for', async () => {
  await using pool = await Pool.serving([['a.example.com']]);
  await using served = await wrapped(pool, ['--inetd'], ['echo', 'in']);
  const { port } = served;
  const accepting = { servername: 'other.example.net', checkServerIdentity: () => undefined };
  const socket = await connected(pool, port, accepting);
  assert.equal(socket.getPeerCertificate().subjectaltname, 'DNS:a.example.com');
  assert.equal(await readAll(socket), 'in\n');
  socket.destroy();
});

test('ALPN: what both speak is chosen by our order, no overlap is refused', async () => {
  await using pool = await Pool.serving([['www.example.com']]);
  const flags = ['--inetd', '--alpn', 'h2,http/1.1'];
  await using served = await wrapped(pool, flags, ['sh', '-c', 'echo "<$TLS_ALPN>"']);
  const { port } = served;
  for (const [offered, chosen] of [
    [['http/1.1', 'h2'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [undefined, ''],
  ] as const) {
    const socket = await connected(pool, port, offered ? { ALPNProtocols: [...offered] } : {});
    assert.equal(await readAll(socket), `<${chosen}>\n`);
    socket.destroy();
  }
  await assert.rejects(connected(pool, port, { ALPNProtocols: ['imap'] }), {
    code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
  });
});
