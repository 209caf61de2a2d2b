import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/client/index.ts';
import { Courier } from '../../../src/core/courier/courier.ts';
import {
  accept,
  closeFd,
  connectUnix,
  listenUnix,
  send,
} from '../../../src/core/engine/sockets.ts';
import type { TlspoolError } from '../../../src/core/errors.ts';
import type { SessionView } from '../../../src/core/server/session-view.ts';
import { parseEndpoint } from '../../../src/core/tunnel/endpoint.ts';
import type { TunnelPlan } from '../../../src/core/tunnel/plan.ts';
import { PoolLink } from '../../../src/core/tunnel/pool-link.ts';
import type { WayToPool } from '../../../src/core/tunnel/server-intake.ts';
import { agreeTerms, type GivenTerms } from '../../../src/core/tunnel/terms.ts';
import { Tunnel, wantsCourier } from '../../../src/core/tunnel/tunnel.ts';
import { until, within } from '../../patience.ts';
import { connected, name, readAll } from '../../programs/stage/clients.ts';
import { PlainServer } from '../../programs/stage/plain-server.ts';
import { Pool } from '../../programs/stage/pool.ts';

let pool: Pool;
let link: PoolLink;
let courier: Courier;

before(async () => {
  pool = await Pool.serving([[name, '--key', 'ec-p256']]);
  link = await PoolLink.open(() => connect({ socket: pool.socket }));
  courier = (await Courier.open(link)) ?? assert.fail('no courier');
});

after(async () => {
  courier[Symbol.dispose]();
  link.close();
  await pool[Symbol.asyncDispose]();
});

const asServer = {
  client: false,
  localIds: [name],
  requestRemoteId: false,
  requireRemoteId: false,
  alpn: [],
};

function plan(target: string, given: Partial<GivenTerms> = {}, udp = false): TunnelPlan {
  const to = parseEndpoint(target);
  const terms = agreeTerms({ ...asServer, ...given }, to);
  return { name: undefined, accept: { host: '127.0.0.1', port: 0 }, connect: to, terms, udp };
}

/** A tunnel with room for so many clients on their way, and what it told of. */
async function opened(target: string, way: Partial<WayToPool> = {}, limit = 16) {
  const lost: TlspoolError[] = [];
  const tunnel = await Tunnel.open(plan(target), { link, courier, ...way }, limit, {
    lost: (_tunnel, error) => lost.push(error),
    failed: (_tunnel, error) => assert.fail(error),
  });
  const port = Number(tunnel.addresses[0]?.split(':').at(-1));
  const close = () => within('the end of the tunnel', tunnel.close());
  return { tunnel, port, lost, [Symbol.asyncDispose]: close };
}

async function echoed(port: number, text: string): Promise<string> {
  const socket = await connected(pool, port);
  socket.end(text);
  const answer = await readAll(socket);
  socket.destroy();
  return answer;
}

/** A folder for sockets that goes with the test. */
function folder() {
  const path = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test('clients get to a TCP target, more of them than may be on their way', async () => {
  await using echo = await PlainServer.echo();
  await using served = await opened(echo.address, {}, 2);
  const texts = Array.from({ length: 8 }, (_, index) => `client ${index}`);
  assert.deepEqual(await Promise.all(texts.map((text) => echoed(served.port, text))), texts);
  assert.deepEqual(served.lost, []);
});

test('a UNIX target whose queue is full is waited for', async () => {
  using place = folder();
  const path = join(place.path, 'socket');
  const listener = listenUnix(path, 0);
  const queued = connectUnix(path);
  await using served = await opened(path);
  const clients = await Promise.all([1, 2, 3].map(() => connected(pool, served.port)));
  const greeted = Promise.all(clients.map(readAll));
  const accepted: number[] = [];
  await until('all connections', () => {
    const fd = accept(listener);
    if (fd !== undefined) accepted.push(fd);
    return accepted.length === 4;
  });
  for (const fd of accepted) {
    send(fd, Buffer.from('hello'));
    closeFd(fd);
  }
  assert.deepEqual(await greeted, ['hello', 'hello', 'hello']);
  for (const client of clients) client.destroy();
  closeFd(queued);
  closeFd(listener);
  assert.deepEqual(served.lost, []);
});

test('of a target that refuses the same is told with a courier and without', async () => {
  using place = folder();
  const gone = await PlainServer.echo();
  await gone[Symbol.asyncDispose]();
  for (const target of [gone.address, join(place.path, 'nobody')]) {
    const told: unknown[] = [];
    for (const way of [{}, { courier: undefined }]) {
      await using served = await opened(target, way);
      await assert.rejects(echoed(served.port, 'nobody there'));
      await until('the loss', () => served.lost.length > 0);
      told.push(served.lost.map(({ code, message }) => ({ code, message })));
    }
    assert.deepEqual(told[0], told[1]);
    assert.match(JSON.stringify(told), /target-unreachable/);
  }
});

test('a tunnel that is closed lets go of its port at once, and is over when its last client is', async () => {
  await using echo = await PlainServer.echo();
  const served = await opened(echo.address);
  const silent = connectTcp(served.port, '127.0.0.1');
  await once(silent, 'connect');
  // Accepted, and not reset with the listener's queue.
  await until('the handshake', async () => {
    const { sessions } = JSON.parse(await pool.command('sessions', 'list', '--json'));
    return sessions.some((session: SessionView) => session.state === 'handshake');
  });
  let over = false;
  const closed = served.tunnel.close().then(() => {
    over = true;
  });
  const late = connectTcp(served.port, '127.0.0.1');
  await assert.rejects(once(late, 'connect'), { code: 'ECONNREFUSED' });
  assert.ok(!over);
  silent.destroy();
  await within('the end of the visit', closed);
  assert.deepEqual(served.lost, []);
});

test('what has to be said or looked up before TLS, or is no TLS of ours over TCP, is left to others', () => {
  const fits = [plan('127.0.0.1:1'), plan('[::1]:1'), plan('/run/socket')];
  const others = [
    plan('localhost:1'),
    plan('127.0.0.1:1', { startTls: 'smtp' }),
    plan('127.0.0.1:1', { proxyHeader: 'v2' }),
    plan('127.0.0.1:1', { proxies: ['192.0.2.1'] }),
    plan('127.0.0.1:1', {}, true),
    plan('127.0.0.1:1', { client: true, localIds: [], remoteId: name }),
  ];
  assert.deepEqual(fits.map(wantsCourier), [true, true, true]);
  assert.deepEqual(
    others.map(wantsCourier),
    others.map(() => false),
  );
});
