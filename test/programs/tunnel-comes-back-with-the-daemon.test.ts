import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../patience.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { accepts } from './stage/ports.ts';
import { runTlspool } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

test('clients that come while the daemon restarts are served afterwards', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  await using served = await tunnelled(pool, '--connect', echo.address);
  const { port } = served;

  await pool.stopServing();
  const waiting = connected(pool, port);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await pool.serve();
  const socket = await waiting;
  socket.end('still there');
  assert.equal(await readAll(socket), 'still there');
});

test('without a daemon a tunnel does not start, and says how it could', async () => {
  await using pool = await Pool.create([[name]]);
  const ends = ['--accept', '127.0.0.1:0', '--connect', '127.0.0.1:1'];
  const { code, stderr } = await runTlspool(['tunnel', ...ends], { env: pool.environment });
  assert.equal(code, 3);
  assert.match(stderr, /--standalone/);
});

test('with --standalone it needs none', async () => {
  await using pool = await Pool.create([[name]]);
  await using echo = await PlainServer.echo();
  await using served = await tunnelled(pool, '--standalone', '--connect', echo.address);
  const { port } = served;
  const socket = await connected(pool, port);
  socket.end('all in one');
  assert.equal(await readAll(socket), 'all in one');
  assert.equal(await served.stop(), 0);
});

test('SIGTERM ends a tunnel: nothing listens, and sessions get their time', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  await using served = await tunnelled(pool, '--connect', echo.address);
  const { port } = served;
  const socket = await connected(pool, port);
  const ended = served.stop();
  await served.running.saying(/tlspool tunnel: ends when its sessions have, or after 10 s\n/);
  await until('nobody listens', async () => !(await accepts(port)));
  socket.write('still');
  socket.end(' here');
  assert.equal(await readAll(socket), 'still here');
  assert.equal(await ended, 0);
});
