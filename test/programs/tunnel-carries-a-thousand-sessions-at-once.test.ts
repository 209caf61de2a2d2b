import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { until } from '../patience.ts';
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
  await until('all sessions are open', () => echo.open === sessions);
  await until('no descriptor stays in the tunnel', () => {
    return descriptors(served.running.pid) <= idle.tunnel;
  });

  const answers = sockets.map(async (socket, index) => {
    socket.end(`session ${index}`);
    assert.equal(await readAll(socket), `session ${index}`);
  });
  await Promise.all(answers);
  await until('all sessions are over', () => echo.open === 0);
  await until('no descriptor stays', () => descriptors(pool.daemon.pid) <= idle.daemon);
});

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
