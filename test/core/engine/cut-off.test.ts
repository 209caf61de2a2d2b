// Whoever is cut off hears of it: what came before is not all there was (RFC 8446 section 6.1).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { connect, TLSSocket } from 'node:tls';
import * as sockets from '../../../src/core/engine/sockets.ts';
import type { OpenSession } from '../../../src/core/engine/types.ts';
import { event, until, within } from '../../patience.ts';
import {
  connected,
  connectedFd,
  listen,
  nothingLeft,
  type Observed,
  open,
  openDescriptors,
  Pki,
  readAll,
  startEngine,
  tcpPair,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('p256', 'server.example');
const local = { credentials: [await pki.credential(engine, leaf)] };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

/** An established session with both ends of it; the program's is TCP, too. */
async function established(session: Partial<OpenSession> = {}) {
  const { peer, fd } = await tcpPair();
  const plain = await tcpProgram();
  const observed = open(engine, { fd, role: 'server', local, plainFd: plain.fd, ...session });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  await observed.established;
  return { session: observed, client, peer, program: plain.program };
}

async function tcpProgram(): Promise<{ fd: number; program: Socket }> {
  const { fd, peer } = await tcpPair();
  return { fd, program: peer };
}

/** The two ends of a connection within this process, of which nobody reads yet. */
async function rawPair(kind: 'TCP' | 'UNIX'): Promise<[number, number]> {
  if (kind === 'UNIX') return sockets.socketPair();
  using listener = listen();
  const accepted = listener.accept();
  return [await connectedFd(listener.port), await accepted];
}

/** What arrives before the stream is reset; fails if it ends properly. */
function readUntilReset(socket: Duplex): Promise<Buffer> {
  const whole = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => reject(new Error('the stream ended as if it were complete')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') resolve(Buffer.concat(chunks));
      else reject(error);
    });
  });
  socket.resume();
  return within('a reset', whole);
}

/** Waits until the engine has taken this from the program. */
function takenOut(session: Observed, bytes: number): Promise<void> {
  return until('what the program sent is in the engine', () => {
    return engine.counters(session.id).bytesOut === bytes;
  });
}

test("a program's reset reaches the peer as one, after all that it sent before", async () => {
  const { session, client, program } = await established();
  const arrived = readUntilReset(client);
  program.write(Buffer.alloc(300_000, 'x'));
  await takenOut(session, 300_000);
  program.resetAndDestroy();
  assert.equal((await arrived).length, 300_000);
  assert.equal((await session.closed).reason, 'program-gone');
});

const unread = [
  { kind: 'TCP', does: 'resets the peer', whole: readUntilReset },
  // Which is no more than a script does that answers whatever it is asked.
  { kind: 'UNIX', does: 'has said all that it had to say', whole: readAll },
] as const;

for (const { kind, does, whole } of unread) {
  test(`a program that leaves with input unread ${does} (${kind})`, async () => {
    const { peer, fd } = await tcpPair();
    const [program, plainFd] = await rawPair(kind);
    const session = open(engine, { fd, role: 'server', local, plainFd });
    const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
    const arrived = whole(client);
    client.write('a question that nobody reads');
    assert.equal(sockets.send(program, Buffer.alloc(50_000, 'x')), 50_000);
    await takenOut(session, 50_000);
    await until('the question has come', () => engine.counters(session.id).bytesIn === 28);
    sockets.closeFd(program);
    assert.equal((await arrived).length, 50_000);
    assert.equal((await session.closed).reason, 'program-gone');
    client.destroy();
  });
}

test('a program that leaves having read and said all ends properly', async () => {
  const { session, client, program } = await established();
  program.end('all');
  assert.equal((await readAll(client)).toString(), 'all');
  client.end();
  await event(program.resume(), 'end');
  assert.equal((await session.closed).reason, 'closed');
});

test("a peer's reset reaches the program as one, after all that was sent before", async () => {
  const { session, client, peer, program } = await established();
  const arrived = readUntilReset(program);
  client.write(Buffer.alloc(50_000, 'x'));
  await until('it is in the engine', () => engine.counters(session.id).bytesIn === 50_000);
  peer.resetAndDestroy();
  assert.equal((await arrived).length, 50_000);
  assert.equal((await session.closed).reason, 'peer-reset');
});

test('a program that is slow gets all that came before the reset', async () => {
  const { session, client, peer, program } = await established();
  program.pause();
  client.write(Buffer.alloc(500_000, 'x'));
  await until('it is in the engine', () => engine.counters(session.id).bytesIn === 500_000);
  peer.resetAndDestroy();
  assert.equal((await session.closed).reason, 'peer-reset');
  assert.equal((await readUntilReset(program)).length, 500_000);
});

test('a record that was tampered with ends no stream: the program is reset', async () => {
  const { session, client, peer, program } = await established();
  const arrived = readUntilReset(program);
  client.on('error', () => {});
  client.write('good');
  await until('it is in the engine', () => engine.counters(session.id).bytesIn === 4);
  peer.write(Buffer.concat([Buffer.from('1703030020', 'hex'), Buffer.alloc(32)]));
  assert.equal((await arrived).toString(), 'good');
  const { reason, failure } = await session.closed;
  assert.equal(reason, 'protocol-error');
  assert.equal(failure?.alert?.name, 'bad_record_mac');
  client.destroy();
});

test('a stream that ends within a record is cut off, whoever sent it', async () => {
  const { session, client, peer, program } = await established();
  const arrived = readUntilReset(program);
  client.write('whole');
  await until('it is in the engine', () => engine.counters(session.id).bytesIn === 5);
  peer.end(Buffer.from('17030300ff', 'hex'));
  assert.equal((await arrived).toString(), 'whole');
  assert.equal((await session.closed).reason, 'truncated');
  client.destroy();
});

test("a server's stream without close_notify is cut off for the client's program", async () => {
  const { peer, fd } = await tcpPair();
  const plain = await tcpProgram();
  const session = open(
    engine,
    { fd, role: 'client', plainFd: plain.fd },
    {
      verifyPeer: ({ session: id }) => engine.acceptPeer(id, { name: 'server.example', until: 0 }),
    },
  );
  const server = new TLSSocket(peer, {
    isServer: true,
    key: readFileSync(leaf.keyFile),
    cert: readFileSync(leaf.certificateFile),
  });
  const arrived = readUntilReset(plain.program);
  server.on('error', () => {}).write('part');
  await event(plain.program, 'data');
  peer.end();
  assert.equal((await arrived).toString(), 'part');
  assert.equal((await session.closed).reason, 'truncated');
  server.destroy();
});

test('a session that idles too long is reset on both sides', async () => {
  const { session, client, program } = await established({ idleTimeout: 100 });
  const both = Promise.all([readUntilReset(client), readUntilReset(program)]);
  assert.equal((await session.closed).reason, 'idle-timeout');
  await both;
});

test('draining resets whoever had not ended, after what was on the way', async () => {
  const { session, client, program } = await established();
  const both = Promise.all([readUntilReset(client), readUntilReset(program)]);
  client.write(Buffer.alloc(300_000, 'u'));
  program.write(Buffer.alloc(300_000, 'd'));
  await takenOut(session, 300_000);
  await until('it is in the engine', () => engine.counters(session.id).bytesIn === 300_000);
  engine.close(session.id, 'drain');
  for (const arrived of await both) assert.equal(arrived.length, 300_000);
  assert.equal((await session.closed).reason, 'ended');
});

test('draining resets no direction that has ended', async () => {
  const { session, client, program } = await established();
  const cut = readUntilReset(program);
  program.end('all');
  assert.equal((await readAll(client)).toString(), 'all');
  engine.close(session.id, 'drain');
  assert.equal((await session.closed).reason, 'ended');
  await cut;
});

test('aborting resets both sides', async () => {
  const { session, client, program } = await established();
  const both = Promise.all([readUntilReset(client), readUntilReset(program)]);
  engine.close(session.id, 'abort');
  assert.equal((await session.closed).reason, 'ended');
  await both;
});

test('sessions that were cut off leave nothing behind', async () => {
  const before = openDescriptors();
  for (let round = 0; round < 30; round++) {
    const { session, client, peer, program } = await established();
    for (const each of [client, program]) each.on('error', () => {}).resume();
    if (round % 3 === 0) program.resetAndDestroy();
    else if (round % 3 === 1) peer.resetAndDestroy();
    else engine.close(session.id, 'drain');
    await session.closed;
    client.destroy();
    program.destroy();
  }
  await nothingLeft(engine, before);
});
