/** DTLS 1.2 over UDP: boundaries, losses, ends. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, test } from 'node:test';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { DatagramProgram, Network } from '../../datagrams.ts';
import { until, within } from '../../patience.ts';
import { meet } from './datagram-fixture.ts';
import { nothingLeft, open, openDescriptors, Pki, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const server = { role: 'server', datagrams: true, local: { credentials: [credential] } } as const;

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

// ---- data

test('datagrams stay what they are, whatever their size', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential);
  await both.server.established;
  const sizes = [1, 2, 100, 1399, 1400, 1500, 9000, 16_383, 16_384];
  for (const size of sizes) {
    const data = Buffer.alloc(size, size);
    both.visiting.send(data);
    assert.deepEqual(await both.serving.next(), data);
    both.serving.send(data);
    assert.deepEqual(await both.visiting.next(), data);
  }
  assert.equal(engine.counters(both.client.id).lostOut, 0);
});

test('a datagram that no record holds is lost, and counted; the session goes on', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential);
  await both.server.established;
  both.visiting.send(Buffer.alloc(16_385));
  both.visiting.send(Buffer.alloc(0));
  both.visiting.send('next');
  assert.equal(await both.serving.text(), 'next');
  assert.equal(engine.counters(both.client.id).lostOut, 2);
  assert.equal(engine.counters(both.client.id).bytesOut, 4);
});

test('what a program does not read is lost, not kept', async () => {
  await using network = await Network.create();
  const ours = sockets.messagePair();
  using both = meet(engine, network, credential, { server: { plainFd: ours[1] } });
  await both.server.established;
  const count = 3_000;
  const data = Buffer.alloc(1_000);
  for (let sent = 0; sent < count; ) {
    sent += both.visiting.send(data) ? 1 : 0;
    await new Promise(setImmediate);
  }
  const { id } = both.server;
  await until('a loss', () => engine.counters(id).lostIn > 0);
  const { bytesIn, lostIn } = engine.counters(id);
  assert.ok(bytesIn / data.length + lostIn <= count);
  // It is served again once it reads.
  using program = new DatagramProgram(ours[0]);
  await until('what sockets hold', () => program.received.length >= bytesIn / data.length);
  both.visiting.send('at last');
  await until('the next', () => program.received.at(-1)?.toString() === 'at last');
});

test('the plaintext side may be a pair of datagram sockets over IP', async () => {
  await using network = await Network.create();
  const program = createSocket('udp4').bind(0, '127.0.0.1');
  await within('a port', once(program, 'listening'));
  const fd = sockets.bindUdp('127.0.0.1', 0);
  sockets.connectUdp(fd, '127.0.0.1', program.address().port);
  const port = sockets.socketAddresses(fd).local?.port ?? 0;
  using both = meet(engine, network, credential, { server: { plainFd: fd } });
  await both.server.established;
  const heard = once(program, 'message');
  both.visiting.send('ping');
  assert.equal(String((await within('a datagram', heard))[0]), 'ping');
  program.send('pong', port, '127.0.0.1');
  assert.equal(await both.visiting.text(), 'pong');
  program.close();
  await once(program, 'close');
  both.visiting.send('gone');
  both.visiting.send('is noticed by now');
  assert.equal((await both.server.closed).reason, 'program-gone');
});

for (const address of ['127.0.0.1', '::1']) {
  test(`what others sent to a socket of ${address} before it was connected is not the program's`, async () => {
    await using network = await Network.create();
    const portOf = (fd: number) => sockets.socketAddresses(fd).local?.port ?? 0;
    const [fd, theirs, stranger] = [0, 0, 0].map(() => sockets.bindUdp(address, 0)) as [
      number,
      number,
      number,
    ];
    using program = new DatagramProgram(theirs);
    using other = new DatagramProgram(stranger);
    for (const socket of [theirs, stranger]) sockets.connectUdp(socket, address, portOf(fd));
    other.send('secret');
    program.send('first');
    other.send('another secret');
    program.send('second');
    sockets.connectUdp(fd, address, portOf(theirs));
    using both = meet(engine, network, credential, { client: { plainFd: fd } });
    assert.equal(await both.serving.text(), 'first');
    assert.equal(await both.serving.text(), 'second');
    program.send('third');
    assert.equal(await both.serving.text(), 'third');
    both.serving.close();
    await within('the end of the session', both.client.closed);
  });
}

test('IPv6 does as well', async () => {
  const one = sockets.bindUdp('::1', 0);
  const other = sockets.bindUdp('::1', 0);
  const portOf = (fd: number) => sockets.socketAddresses(fd).local?.port ?? 0;
  sockets.connectUdp(one, '::1', portOf(other));
  sockets.connectUdp(other, '::1', portOf(one));
  await using network = await Network.create();
  using both = meet(engine, network, credential, { server: { fd: one }, client: { fd: other } });
  assert.ok(await both.server.established);
  both.visiting.send('ping');
  assert.equal(await both.serving.text(), 'ping');
});

// ---- ends

for (const who of ['client', 'server'] as const) {
  test(`a program of the ${who} that leaves ends the session of both`, async () => {
    await using network = await Network.create();
    using both = meet(engine, network, credential);
    await both.server.established;
    both[who === 'client' ? 'visiting' : 'serving'].close();
    assert.equal((await both.client.closed).reason, 'closed');
    assert.equal((await both.server.closed).reason, 'closed');
    const other = who === 'client' ? both.serving : both.visiting;
    assert.equal(await other.next(), undefined);
  });
}

test('a session ends when nothing is said for a while', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential, { server: { idleTimeout: 200 } });
  assert.ok(await both.server.established);
  assert.equal((await both.server.closed).reason, 'idle-timeout');
  assert.equal((await both.client.closed).reason, 'closed', 'the other side is told');
});

test('a handshake without an answer ends in time', async () => {
  await using network = await Network.create(() => 'lose');
  using both = meet(engine, network, credential, { client: { handshakeTimeout: 2_500 } });
  assert.equal((await both.client.closed).reason, 'handshake-timeout');
  assert.ok(network.carried.length >= 2, 'it has repeated itself');
  engine.close(both.server.id, 'abort');
  await both.server.closed;
});

test('both ends export the same keys, and tell the same of each other', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential);
  const established = await both.client.established;
  assert.equal(established?.version, 'DTLSv1.2');
  assert.match(established?.cipher ?? '', /^ECDHE-ECDSA-.*(GCM|POLY1305)/);
  await both.server.established;
  const of = (what: (id: number) => Promise<Buffer | undefined>) =>
    Promise.all([both.client.id, both.server.id].map(what));
  const keys = await of((id) => engine.exporter(id, 'EXTRACTOR-dtls_srtp', undefined, 60));
  assert.equal(keys[0]?.length, 60);
  assert.deepEqual(keys[0], keys[1]);
  for (const kind of ['tls-unique', 'tls-server-end-point', 'tls-exporter'] as const) {
    const [ours, theirs] = await of((id) => engine.channelBinding(id, kind));
    assert.ok(ours);
    assert.deepEqual(ours, theirs);
  }
  const renewal = { peer: 'require', local: { credentials: [] }, timeout: 0 } as const;
  assert.equal(await engine.renew(both.server.id, renewal), 'busy');
});

test('nothing is left of sessions that have ended', async () => {
  const before = openDescriptors();
  {
    await using network = await Network.create();
    using both = meet(engine, network, credential);
    await both.server.established;
    both.visiting.close();
    await both.server.closed;
    await both.client.closed;
  }
  await nothingLeft(engine, before);
  assert.equal(engine.state().scheduled, 0);
});

// ---- descriptors

test('descriptors that do not fit are refused, with what would', async () => {
  const stream = () => {
    const [one, other] = sockets.socketPair();
    sockets.closeFd(other);
    return one;
  };
  const refusal = (fd: number, more = {}) =>
    assert.throws(() => open(engine, { ...server, fd, ...more }), {
      code: 'unusable-descriptor',
      hint: /datagram|UDP|stream/,
    });
  refusal(stream());
  refusal(sockets.bindUdp('127.0.0.1', 0));
  refusal(sockets.messagePair()[0]);
  await using network = await Network.create();
  refusal(network.clientFd(), { datagrams: false });
  refusal(network.clientFd(), { plainFd: stream() });
  const session = open(engine, { ...server, fd: network.clientFd() });
  assert.throws(() => engine.attach(session.id, stream(), true), {
    message: /stream socket, in which datagrams lose their boundaries/,
  });
  engine.close(session.id, 'abort');
  await session.closed;
});
