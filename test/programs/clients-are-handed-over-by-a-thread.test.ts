import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SessionView } from '../../src/core/server/session-view.ts';
import { until } from '../patience.ts';
import { threadNames } from '../processes.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { type Served, tunnelled, wrapped } from './stage/wrapped.ts';

/** Whether a thread of it hands clients over. */
function hasCourier({ running }: Served): boolean {
  return threadNames(running.pid).includes('tlspool-courier');
}

/** It names itself when it begins. */
async function startsCourier(served: Served): Promise<void> {
  await until('a courier', () => hasCourier(served));
}

async function echoed(pool: Pool, { port }: Served): Promise<void> {
  const socket = await connected(pool, port);
  socket.end('to and fro');
  assert.equal(await readAll(socket), 'to and fro');
  socket.destroy();
}

test('a tunnel has a thread for what goes to an address, not for a name; the pool sees no difference', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  for (const [target, byThread] of [
    [echo.address, true],
    [`localhost:${echo.port}`, false],
  ] as const) {
    await using served = await tunnelled(pool, '--connect', target);
    if (byThread) await startsCourier(served);
    else assert.ok(!hasCourier(served));
    const socket = await connected(pool, served.port);
    const listed = await onlySession(pool);
    assert.deepEqual(
      [listed.role, listed.peer, listed.program.pid],
      ['server', `127.0.0.1:${socket.localPort}`, served.running.pid],
    );
    socket.end('to and fro');
    assert.equal(await readAll(socket), 'to and fro');
    socket.destroy();
    assert.equal(await served.stop(), 0);
  }
});

/** The one that is left once those of before have ended. */
async function onlySession(pool: Pool): Promise<SessionView> {
  let sessions: readonly SessionView[] = [];
  await until('a single session', async () => {
    ({ sessions } = JSON.parse(await pool.command('sessions', 'list', '--json')));
    return sessions.length === 1;
  });
  return sessions[0] ?? assert.fail();
}

test('a tunnel that is its own pool has such a thread', async () => {
  await using pool = await Pool.create([[name]]);
  await using echo = await PlainServer.echo();
  await using served = await tunnelled(pool, '--standalone', '--connect', echo.address);
  await startsCourier(served);
  await echoed(pool, served);
  assert.equal(await served.stop(), 0);
});

test('wrap has one for a program with activated sockets, and none for a program for each client', async () => {
  await using pool = await Pool.serving([[name]]);
  const program = fileURLToPath(new URL('stage/activation-server.py', import.meta.url));
  await using listening = await wrapped(pool, [], ['python3', program]);
  await startsCourier(listening);
  const socket = await connected(pool, listening.port);
  socket.end('hello');
  assert.match(await readAll(socket), /^hello$/m);
  socket.destroy();
  await using starting = await wrapped(pool, ['--inetd'], ['cat']);
  assert.ok(!hasCourier(starting));
  await echoed(pool, starting);
});
