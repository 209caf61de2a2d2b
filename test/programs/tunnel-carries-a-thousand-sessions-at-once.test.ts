import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connected, name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled } from './stage/wrapped.ts';

const sessions = 1_000;

test('a thousand sessions are open at once, each its own, and nothing of them stays', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  await using served = await tunnelled(pool, '--connect', echo.address);
  const { port } = served;
  const idle = { tunnel: descriptors(served.running.pid), daemon: descriptors(pool.daemon.pid) };

  const sockets: TLSSocket[] = [];
  while (sockets.length < sessions) {
    const batch = Array.from({ length: 50 }, () => connected(pool, port));
    sockets.push(...(await Promise.all(batch)));
  }
  await settled(() => echo.open === sessions);
  assert.equal(echo.open, sessions);
  assert.equal(descriptors(served.running.pid), idle.tunnel, 'no descriptor stays in the tunnel');

  const answers = sockets.map(async (socket, index) => {
    socket.end(`session ${index}`);
    assert.equal(await readAll(socket), `session ${index}`);
  });
  await Promise.all(answers);
  await settled(() => echo.open === 0);
  await settled(() => descriptors(pool.daemon.pid) === idle.daemon);
  assert.equal(descriptors(pool.daemon.pid), idle.daemon, 'no descriptor stays in the daemon');
});

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function settled(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition() && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
