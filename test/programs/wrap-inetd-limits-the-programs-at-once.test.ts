import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { wrapped } from './stage/wrapped.ts';

test('clients beyond --max-connections wait for a program to end', async () => {
  await using pool = await Pool.serving([[name]]);
  const flags = ['--inetd', '--max-connections', '2'];
  await using served = await wrapped(pool, flags, ['sh', '-c', 'echo in; cat; echo out']);
  const { port } = served;

  const first = await connected(pool, port);
  const second = await connected(pool, port);
  let thirdIsIn = false;
  const third = connected(pool, port).then((socket) => {
    thirdIsIn = true;
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(thirdIsIn, false);

  first.end('one');
  assert.equal(await readAll(first), 'in\noneout\n');
  const socket = await third;
  socket.end('three');
  second.end('two');
  assert.equal(await readAll(socket), 'in\nthreeout\n');
  assert.equal(await readAll(second), 'in\ntwoout\n');
});
