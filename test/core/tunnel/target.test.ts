import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  accept,
  closeFd,
  connectUnix,
  listenUnix,
  socketAddresses,
} from '../../../src/core/engine/sockets.ts';
import { connectTo } from '../../../src/core/tunnel/target.ts';
import { patience } from '../../patience.ts';

async function serverAt(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
}

test('a TCP target is connected to, by address and by name', async () => {
  const { server, port } = await serverAt('127.0.0.1');
  for (const host of ['127.0.0.1', 'localhost']) {
    const fd = await connectTo({ kind: 'tcp', host, port }, patience);
    assert.deepEqual(socketAddresses(fd).remote, { address: '127.0.0.1', port });
    closeFd(fd);
  }
  server.close();
});

test('a target that refuses is named, with the reason', async () => {
  const { server, port } = await serverAt('127.0.0.1');
  server.close();
  await once(server, 'close');
  await assert.rejects(connectTo({ kind: 'tcp', host: '127.0.0.1', port }, patience), {
    code: 'target-unreachable',
    message: `cannot connect to 127.0.0.1:${port}: connection refused`,
  });
  await assert.rejects(connectTo({ kind: 'unix', path: '/nonexistent/socket' }, patience), {
    code: 'target-unreachable',
  });
});

test('a UNIX target whose queue is full is waited for, within the time-out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
  const path = join(folder, 'socket');
  const listener = listenUnix(path, 0);
  const queued = connectUnix(path);
  await assert.rejects(connectTo({ kind: 'unix', path }, 30), { code: 'target-timeout' });

  const waiting = connectTo({ kind: 'unix', path }, patience);
  const first = accept(listener) ?? assert.fail('nothing queued');
  const fd = await waiting;
  const second = accept(listener) ?? assert.fail('not connected');
  for (const open of [fd, first, second, queued, listener]) closeFd(open);
  rmSync(folder, { recursive: true });
});
