import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { PoolConnection } from '../../../src/client/index.ts';
import { closeFd, listenTcp, socketAddresses } from '../../../src/core/engine/sockets.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import { Intake } from '../../../src/core/tunnel/intake.ts';
import { PoolLink } from '../../../src/core/tunnel/pool-link.ts';

/** As much of a connection to the pool as an intake and a link see: it can go away. */
class PoolStandIn extends EventEmitter {
  close(): void {
    this.emit('close');
  }
}

const standIn = () => new PoolStandIn() as unknown as PoolConnection;

interface Underway {
  readonly fd: number;
  finish(error?: Error): void;
}

async function intakeOf(limit: number, connectPool: () => Promise<PoolConnection>) {
  const listener = listenTcp('127.0.0.1', 0);
  const port = socketAddresses(listener).local?.port ?? 0;
  const underway: Underway[] = [];
  const lost: string[] = [];
  const link = await PoolLink.open(connectPool);
  const intake = new Intake({
    listeners: [listener],
    link,
    limit,
    carry: (_pool, fd) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error) => {
          closeFd(fd);
          if (error) reject(error);
          else resolve();
        };
        underway.push({ fd, finish });
      }),
    events: { lost: (error) => lost.push(error.code), failed: (error) => assert.fail(error) },
  });
  return { intake, link, port, underway, lost };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

test('no more connections than the limit are on their way at once', async () => {
  const { intake, link, port, underway } = await intakeOf(2, async () => standIn());
  const sockets = await Promise.all(Array.from({ length: 5 }, () => connected(port)));
  await settle();
  assert.equal(underway.length, 2);
  underway[0]?.finish();
  await until(() => underway.length === 3);
  underway[1]?.finish();
  underway[2]?.finish();
  await until(() => underway.length === 5);
  underway.slice(3).forEach(({ finish }) => {
    finish();
  });
  await intake.close();
  link.close();
  for (const socket of sockets) socket.destroy();
});

test('a connection that comes to nothing is reported and frees its place', async () => {
  const { intake, link, port, underway, lost } = await intakeOf(1, async () => standIn());
  const sockets = [await connected(port), await connected(port)];
  await until(() => underway.length === 1);
  underway[0]?.finish(new TlspoolError('target-unreachable', 'no target'));
  await until(() => underway.length === 2);
  assert.deepEqual(lost, ['target-unreachable']);
  underway[1]?.finish();
  await intake.close();
  link.close();
  for (const socket of sockets) socket.destroy();
});

test('while the daemon is away nothing is accepted; when it is back, what waited is', async () => {
  const pools: PoolConnection[] = [];
  let [isAway, tries] = [false, 0];
  const { intake, link, port, underway } = await intakeOf(9, async () => {
    if (isAway) {
      tries += 1;
      throw new TlspoolError('no-daemon', 'away', { exit: 3 });
    }
    const pool = standIn();
    pools.push(pool);
    return pool;
  });
  isAway = true;
  pools[0]?.close();
  assert.equal(link.pool, undefined);
  const socket = await connected(port);
  await until(() => tries >= 2);
  assert.equal(underway.length, 0);
  const up = once(link, 'up');
  isAway = false;
  await up;
  await until(() => underway.length === 1);
  assert.equal(link.pool, pools[1]);
  underway[0]?.finish();
  await intake.close();
  link.close();
  socket.destroy();
});

test('closing waits for what is on its way, and listens no more', async () => {
  const { intake, link, port, underway } = await intakeOf(9, async () => standIn());
  const socket = await connected(port);
  await until(() => underway.length === 1);
  let closed = false;
  const closing = intake.close().then(() => {
    closed = true;
  });
  await settle();
  assert.equal(closed, false);
  await assert.rejects(connected(port), { code: 'ECONNREFUSED' });
  underway[0]?.finish();
  await closing;
  link.close();
  socket.destroy();
});

test('without a daemon the link does not open', async () => {
  const refused = new TlspoolError('no-daemon', 'nobody there', { exit: 3 });
  await assert.rejects(
    PoolLink.open(() => Promise.reject(refused)),
    refused,
  );
});
