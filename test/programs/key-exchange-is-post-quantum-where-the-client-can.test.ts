import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { EphemeralKeyInfo, TLSSocket } from 'node:tls';
import { event } from '../patience.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let served: Served;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  const echo = stage.use(await PlainServer.echo());
  served = stage.use(await tunnelled(pool, '--connect', echo.address));
});
after(() => stage.disposeAsync());

/** The exchange as the client and as the pool's list of sessions tell it. */
async function exchangeWith(
  ecdhCurve: string,
): Promise<{ client: string | undefined; pool: readonly string[] }> {
  const socket: TLSSocket = await connected(pool, served.port, { ecdhCurve });
  const { name: client } = socket.getEphemeralKeyInfo() as EphemeralKeyInfo;
  socket.write('x');
  await event(socket, 'data');
  const list = JSON.parse(await pool.command('sessions', 'list', '--json')) as {
    sessions: readonly { group: string }[];
  };
  const shown = await pool.command('sessions', 'list');
  for (const { group } of list.sessions) assert.ok(shown.includes(group), shown);
  socket.end();
  await readAll(socket);
  return { client, pool: list.sessions.map(({ group }) => group) };
}

test('Node’s own client and the pool agree on X25519MLKEM768, and the list of sessions shows it', async () => {
  const exchange = await exchangeWith('X25519MLKEM768');
  assert.deepEqual(exchange, { client: 'X25519MLKEM768', pool: ['X25519MLKEM768'] });
});

test('a client that knows X25519 only is served with that', async () => {
  const exchange = await exchangeWith('X25519');
  assert.deepEqual(exchange, { client: 'X25519', pool: ['x25519'] });
});
