import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../patience.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { wrappedWhole } from './stage/wrapped.ts';

const folder = fileURLToPath(new URL('listening', import.meta.url));

let pool: Pool;
before(async () => {
  pool = await Pool.serving([[name]]);
});
after(() => pool[Symbol.asyncDispose]());

/** Debian's own, with workers that share what their parent bound, or listens on. */
const servers: Readonly<Record<string, (port: number) => readonly string[]>> = {
  gunicorn: (port) => [
    ...['gunicorn', '--chdir', folder, '--bind', `127.0.0.1:${port}`, '--workers', '3'],
    'preforked:application',
  ],
  uvicorn: (port) => [
    ...['/usr/bin/python3', '-m', 'uvicorn', '--app-dir', folder, '--host', '127.0.0.1'],
    ...['--port', `${port}`, '--workers', '2', 'preforked:asgi'],
  ],
};

/** Who answered; the address that it saw has to be ours. */
async function worker(port: number): Promise<string> {
  const socket = await connected(pool, port);
  const seen = `127.0.0.1:${socket.localPort}`;
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
  const answer = await readAll(socket);
  socket.destroy();
  const [, pid = '', client = ''] = /(\d+) (127\.0\.0\.1:\d+)/.exec(answer) ?? [];
  assert.equal(client, seen, answer);
  return pid;
}

for (const [server, command] of Object.entries(servers)) {
  test(`${server}: clients reach several of its workers, which see where they are`, async () => {
    const port = await freePort();
    const bare = ['env', 'PYTHONDONTWRITEBYTECODE=1', ...command(port)];
    await using served = await wrappedWhole(pool, [], bare);
    const workers = new Set<string>();
    // Which of them takes a connection is the kernel's choice.
    await until('a second worker', async () => {
      const round = await Promise.all(Array.from({ length: 8 }, () => worker(port)));
      for (const pid of round) workers.add(pid);
      return workers.size > 1;
    });
    served.running.child.kill('SIGTERM');
    assert.ok([0, 143].includes(await served.running.ended), served.running.stderr);
  });
}

test('gunicorn changes its workers on HUP, and every client is answered meanwhile', async () => {
  const port = await freePort();
  const command = servers.gunicorn?.(port) ?? [];
  const bare = ['env', 'PYTHONDONTWRITEBYTECODE=1', ...command];
  await using served = await wrappedWhole(pool, [], bare);
  const old = new Set(await Promise.all(Array.from({ length: 8 }, () => worker(port))));
  served.running.child.kill('SIGHUP');
  await until('none of the old workers', async () => {
    const round = await Promise.all(Array.from({ length: 8 }, () => worker(port)));
    return round.every((pid) => !old.has(pid));
  });
  assert.equal(await served.stop(), 0, served.running.stderr);
});
