import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { SessionView } from '../../src/core/server/session-view.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled } from './stage/wrapped.ts';

/** What the threads of a process are called. */
function threads(pid: number): string[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8').trim());
}

test('a thread hands over what goes to an address, not what goes to a name; the pool sees no difference', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  for (const [target, byThread] of [
    [echo.address, true],
    [`localhost:${echo.port}`, false],
  ] as const) {
    await using served = await tunnelled(pool, '--connect', target);
    assert.equal(threads(served.running.pid).includes('tlspool-courier'), byThread);
    const socket = await connected(pool, served.port);
    const { sessions } = JSON.parse(await pool.command('sessions', 'list', '--json'));
    assert.deepEqual(
      sessions.map((session: SessionView) => [session.role, session.peer, session.program.pid]),
      [['server', `127.0.0.1:${socket.localPort}`, served.running.pid]],
    );
    socket.end('to and fro');
    assert.equal(await readAll(socket), 'to and fro');
    socket.destroy();
    assert.equal(await served.stop(), 0);
  }
});
