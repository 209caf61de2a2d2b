import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as sockets from '../../../src/core/engine/sockets.ts';

/** Bytes of sun_path (unix(7)), which a path may fill without a NUL at its end. */
const sizeOfPath = 108;

const readable = (fd: number): Promise<void> =>
  new Promise((resolve) => {
    const watch = sockets.watch(fd, { readable: true }, () => {
      watch.close();
      resolve();
    });
  });

test('bytes and a descriptor travel together over a pair', () => {
  const [one, other] = sockets.socketPair();
  const [passed, kept] = sockets.socketPair();
  const buffer = Buffer.alloc(16);
  assert.equal(sockets.receive(other, buffer, 0), undefined, 'nothing there yet');
  assert.equal(sockets.send(one, Buffer.from('hello'), passed), 5);
  sockets.closeFd(passed);
  const received = sockets.receive(other, buffer, 2);
  assert.equal(received?.bytes, 5);
  assert.equal(buffer.toString('latin1', 2, 7), 'hello');
  assert.equal(received?.truncated, false);
  const [arrived] = received?.fds ?? [];
  assert.ok(arrived !== undefined);
  sockets.send(arrived, Buffer.from('x'));
  assert.equal(sockets.receive(kept, buffer, 0)?.bytes, 1);
  sockets.closeFd(one);
  assert.equal(sockets.receive(other, buffer, 0)?.bytes, 0, 'the end of the stream');
  for (const fd of [other, kept, arrived]) sockets.closeFd(fd);
});

test('a UNIX listener tells who connected', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-sockets-'));
  const path = join(folder, 's');
  const listener = sockets.listenUnix(path, 8);
  assert.equal(sockets.accept(listener), undefined);
  const client = sockets.connectUnix(path);
  await readable(listener);
  const server = sockets.accept(listener);
  assert.ok(server !== undefined);
  const peer = sockets.peerCredentials(server);
  assert.equal(peer.pid, process.pid);
  assert.equal(peer.uid, process.getuid?.());
  assert.equal(peer.executable, readlinkSync('/proc/self/exe'));
  assert.deepEqual(sockets.socketAddresses(client).remote, { address: path, port: 0 });
  for (const fd of [client, server, listener]) sockets.closeFd(fd);
  rmSync(folder, { recursive: true });
});

test('either end of a connection has an address, where it is one of the internet', async () => {
  for (const [host, spelt] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const listener = sockets.listenTcp(host, 0);
    const port = sockets.socketAddresses(listener).local?.port ?? 0;
    const client = sockets.connectTcp(host, port);
    await readable(listener);
    const server = sockets.accept(listener) ?? assert.fail('nobody came');
    assert.equal(sockets.internetAddress(client, 'remote'), `${spelt}:${port}`);
    assert.equal(sockets.internetAddress(server, 'local'), `${spelt}:${port}`);
    const own = sockets.internetAddress(client, 'local');
    assert.equal(sockets.internetAddress(server, 'remote'), own);
    assert.equal(sockets.internetAddress(listener, 'remote'), '', 'not connected');
    for (const fd of [client, server, listener]) sockets.closeFd(fd);
  }
  const [one, other] = sockets.socketPair();
  assert.equal(sockets.internetAddress(one, 'remote'), '');
  for (const fd of [one, other]) sockets.closeFd(fd);
  const file = openSync('/dev/null', 'r');
  assert.equal(sockets.internetAddress(file, 'local'), '');
  closeSync(file);
});

test('TCP connects without blocking and tells a refusal', async () => {
  const listener = sockets.listenTcp('127.0.0.1', 0);
  const { local, family } = sockets.socketAddresses(listener);
  assert.equal(family, 'ipv4');
  assert.ok(local);
  const writable = (fd: number): Promise<void> =>
    new Promise((resolve) => {
      const watch = sockets.watch(fd, { writable: true }, (ready) => {
        assert.ok(ready.writable);
        watch.close();
        resolve();
      });
    });
  const client = sockets.connectTcp('127.0.0.1', local.port);
  await writable(client);
  assert.equal(sockets.socketError(client), 0);
  const server = sockets.accept(listener);
  assert.ok(server !== undefined);
  assert.equal(
    sockets.socketAddresses(server).remote?.port,
    sockets.socketAddresses(client).local?.port,
  );
  for (const fd of [client, server, listener]) sockets.closeFd(fd);
  const refused = sockets.connectTcp('127.0.0.1', local.port);
  await writable(refused);
  assert.notEqual(sockets.socketError(refused), 0);
  sockets.closeFd(refused);
});

test('a failure carries the errno by name and number', () => {
  assert.throws(() => sockets.connectUnix('/nonexistent/socket'), { code: 'ENOENT', wire: 2 });
  assert.throws(() => sockets.listenTcp('not-numeric', 1), { code: 'EINVAL' });
  assert.throws(() => sockets.closeFd(999_999), { code: 'EBADF' });
  const listener = sockets.listenTcp('127.0.0.1', 0);
  assert.throws(() => sockets.peerCredentials(listener), { code: 'EAFNOSUPPORT' });
  sockets.closeFd(listener);
});

test('a path that fills its address is told to its last byte', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-sockets-'));
  const listener = sockets.listenUnix(join(folder, 's'), 8);
  const own = join(folder, 'x'.repeat(sizeOfPath - folder.length - 1));
  const script = `
import ctypes, socket, struct, sys
client = socket.socket(socket.AF_UNIX)
name = struct.pack("H108s", socket.AF_UNIX, sys.argv[2].encode())
assert ctypes.CDLL(None).bind(client.fileno(), name, len(name)) == 0
client.connect(sys.argv[1])
sys.stdin.read()
`;
  const client = spawn('python3', ['-c', script, join(folder, 's'), own], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await readable(listener);
  const accepted = sockets.accept(listener);
  assert.ok(accepted !== undefined);
  assert.equal(sockets.socketAddresses(accepted).remote?.address, own);
  client.stdin.end();
  await once(client, 'exit');
  for (const fd of [listener, accepted]) sockets.closeFd(fd);
  rmSync(folder, { recursive: true });
});
