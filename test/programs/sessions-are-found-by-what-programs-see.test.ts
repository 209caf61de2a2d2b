import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { event } from '../patience.ts';
import { connected, name } from './stage/clients.ts';
import { ListeningPrograms } from './stage/listening-programs.ts';
import { Pool } from './stage/pool.ts';
import { Running, tlspoolCommand } from './stage/running.ts';
import { TwoMachines } from './stage/two-machines.ts';
import { tunnelled } from './stage/wrapped.ts';

async function show(pool: Pool, peer: string) {
  const { session } = JSON.parse(
    await pool.command('sessions', 'show', '--json', '--peer', peer),
  ) as { session: { id: string; peer: string; shownAs: string } };
  return session;
}

test('a server behind a tunnel has the end of that in its log, and the session is found by it', async () => {
  await using pool = await Pool.serving([[name]]);
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address() as { port: number };
  await using tunnel = await tunnelled(pool, '--connect', `127.0.0.1:${port}`);
  const accepted = event(server, 'connection') as Promise<[import('node:net').Socket]>;
  const client = await connected(pool, tunnel.port);
  const [plain] = await accepted;
  try {
    client.write('x');
    await event(plain, 'data');
    const seen = await show(pool, `127.0.0.1:${plain.remotePort}`);
    assert.equal(seen.peer, `127.0.0.1:${client.localPort}`);
    assert.deepEqual(seen, await show(pool, seen.peer));
  } finally {
    client.destroy();
    plain.destroy();
    server.close();
  }
});

/** Connects from the very port that the server listens at, which is taken where that is a program's own. */
const client = `
import socket, ssl, sys
host, port, address, name, authority = sys.argv[1:]
plain = socket.socket()
plain.bind((address, int(port)))
plain.connect((host, int(port)))
context = ssl.create_default_context(cafile=authority)
with context.wrap_socket(plain, server_hostname=name) as secure:
    secure.sendall(b"where am I?")
    print(secure.recv(100).decode(), end="", flush=True)
    sys.stdin.read()
`;

test('a client whose port is taken is shown with another, and found by both', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to have two machines',
}, async () => {
  await using machines = await TwoMachines.start();
  await using programs = await ListeningPrograms.create();
  const { pool } = programs;
  const wrap = tlspoolCommand('wrap', '--', ...programs.command('holding-on.py'));
  const [file = '', ...args] = machines.server(wrap);
  await using served = new Running(file, args, { env: pool.environment });
  const [, port = ''] = await served.saying(/tlspool wrap: 0\.0\.0\.0:(\d+): TLS/);

  const { serverAddress, clientAddress } = TwoMachines;
  const words = [serverAddress, port, clientAddress, name, pool.caFile];
  const [python = '', ...script] = machines.client(['/usr/bin/python3', '-c', client, ...words]);
  await using asking = new Running(python, script, { stdio: ['pipe', 'pipe', 'pipe'] });
  const [shown] = await asking.printing(/^\S+:\d+$/m);
  assert.ok(shown.startsWith(`${clientAddress}:`), shown);
  assert.notEqual(shown, `${clientAddress}:${port}`);
  const seen = await show(pool, shown);
  assert.equal(seen.peer, `${clientAddress}:${port}`);
  assert.equal(seen.shownAs, shown);
  assert.equal(seen.id, (await show(pool, seen.peer)).id);
});
