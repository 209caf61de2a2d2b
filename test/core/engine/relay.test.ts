import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { event, patience, until, within, withTimeEnough } from '../../patience.ts';
import {
  connected,
  nothingLeft,
  open,
  openDescriptors,
  Pki,
  plaintext,
  readAll,
  serve,
  startEngine,
  tcpPair,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const local = { credentials: [credential] };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

/** Writes `total` random bytes and ends; gives their hash. */
async function pour(to: NodeJS.WritableStream, total: number): Promise<string> {
  const hash = createHash('sha256');
  const block = randomBytes(64 * 1024);
  for (let sent = 0; sent < total; sent += block.length) {
    block.writeUInt32LE(sent >>> 0);
    const piece = Buffer.from(block.subarray(0, Math.min(block.length, total - sent)));
    hash.update(piece);
    if (!to.write(piece)) await event(to, 'drain');
  }
  to.end();
  return hash.digest('hex');
}

function drainInto(from: NodeJS.ReadableStream): Promise<string> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    from.on('data', (chunk: Buffer) => hash.update(chunk));
    from.on('end', () => resolve(hash.digest('hex'))).on('error', reject);
  });
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`64 MiB each way at once arrive intact over ${version}`, async () => {
    const { session, client, program } = await serve(engine, { local }, { maxVersion: version });
    const size = 64 * 1024 * 1024;
    const [up, down, arrivedUp, arrivedDown] = await Promise.all([
      pour(client, size),
      pour(program, size),
      drainInto(program),
      drainInto(client),
    ]);
    assert.equal(arrivedUp, up);
    assert.equal(arrivedDown, down);
    const closed = await session.closed;
    assert.equal(closed.reason, 'closed');
    assert.equal(closed.counters.bytesIn, size);
    assert.equal(closed.counters.bytesOut, size);
    assert.ok(closed.counters.recordsIn >= size / 16_384);
    assert.ok(closed.counters.recordsOut >= size / 16_384);
  });
}

test('each direction ends on its own: the program may answer after the end of the question', async () => {
  const { session, client, program } = await serve(engine, { local });
  client.end('question');
  assert.equal((await readAll(program)).toString(), 'question');
  await delay(30);
  program.end('answer');
  assert.equal((await readAll(client)).toString(), 'answer');
  assert.equal((await session.closed).reason, 'closed');
});

test('each direction ends on its own: the peer may go on after the end of the program', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  program.end('bye');
  assert.equal((await readAll(client)).toString(), 'bye');
  const arrived = readAll(program);
  client.write('still here');
  await delay(30);
  client.end(', done');
  assert.equal((await arrived).toString(), 'still here, done');
  assert.equal((await session.closed).reason, 'closed');
});

test('a stream cut off without close_notify is passed on and reported as truncated', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  client.write('part');
  await event(program, 'data');
  peer.end();
  await event(program.resume(), 'end');
  program.end();
  const closed = await session.closed;
  assert.equal(closed.reason, 'truncated');
  assert.equal(closed.failure?.side, 'remote');
});

test('a reset by the peer is reported, after all that arrived was delivered', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  client.write(Buffer.alloc(50_000, 'x'));
  const arrived = readAll(program);
  await until(
    'what was sent is in the engine',
    () => engine.counters(session.id).bytesIn === 50_000,
  );
  peer.resetAndDestroy();
  assert.equal((await arrived).length, 50_000);
  program.end();
  assert.equal((await session.closed).reason, 'peer-reset');
});

test('a peer that sends and closes without reading loses nothing, resumable or not', async () => {
  for (const resumption of [undefined, { context: Buffer.alloc(32, 1) }]) {
    for (let round = 0; round < 20; round++) {
      const { peer, fd } = await tcpPair();
      const { fd: plainFd, program } = plaintext();
      const session = open(engine, { fd, role: 'server', local, plainFd, resumption });
      const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
      program.write('a greeting that nobody reads');
      const arrived = readAll(program);
      client.write(Buffer.alloc(100_000, 'y'));
      client.end();
      client.on('finish', () => peer.destroySoon());
      assert.equal((await arrived).length, 100_000);
      program.end();
      await session.closed;
    }
  }
});

test('the last bytes and close_notify arrive although the peer still sends when the program leaves', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  client.on('error', () => {});
  const flood = setInterval(() => client.write(Buffer.alloc(10_000)), 1);
  client.once('end', () => clearInterval(flood));
  program.resume();
  await delay(20);
  program.end(Buffer.alloc(200_000, 'z'));
  assert.equal((await readAll(client)).length, 200_000);
  program.destroy();
  client.end();
  assert.match((await session.closed).reason, /closed|program-gone/);
  client.destroy();
});

test('a program that leaves with data on the way to it is reported', async () => {
  const { session, client, program } = await serve(engine, { local });
  client.on('error', () => {});
  client.write(Buffer.alloc(2_000_000));
  await delay(30);
  program.destroy();
  assert.equal((await session.closed).reason, 'program-gone');
});

test('a program that never reads makes the peer wait, with bounded memory', async () => {
  const { session, client, program } = await serve(engine, { local });
  client.on('error', () => {});
  program.pause();
  const before = process.memoryUsage.rss();
  const block = Buffer.alloc(64 * 1024);
  const giveUp = Date.now() + 3000;
  let written = 0;
  while (Date.now() < giveUp && written < 256 * 1024 * 1024) {
    if (client.write(block)) written += block.length;
    else if ((await Promise.race([event(client, 'drain'), delay(300, 'stuck')])) === 'stuck') break;
  }
  const { bytesIn } = engine.counters(session.id);
  assert.ok(
    bytesIn < 2 * 1024 * 1024,
    `${bytesIn} bytes were taken from a peer that nobody listens to`,
  );
  assert.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024);
  engine.close(session.id, 'abort');
  assert.equal((await session.closed).reason, 'ended');
  program.destroy();
  client.destroy();
});

test('a peer that never reads makes the program wait, with bounded memory', async () => {
  const { session, client, program } = await serve(engine, { local });
  client.on('error', () => {});
  program.on('error', () => {});
  client.pause();
  const block = Buffer.alloc(64 * 1024);
  for (let written = 0; written < 256 * 1024 * 1024; written += block.length) {
    if (program.write(block)) continue;
    if ((await Promise.race([event(program, 'drain'), delay(300, 'stuck')])) === 'stuck') break;
  }
  // What loopback's socket buffers take is the kernel's, and much.
  assert.ok(engine.counters(session.id).bytesOut < 32 * 1024 * 1024);
  engine.close(session.id, 'abort');
  await session.closed;
  program.destroy();
  client.destroy();
});

test('a reader that is slow gets everything', async () => {
  const { session, client, program } = await serve(engine, { local });
  const sent = pour(client, 8 * 1024 * 1024);
  const hash = createHash('sha256');
  program.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    program.pause();
    setTimeout(() => program.resume(), 1);
  });
  await event(program, 'end');
  assert.equal(hash.digest('hex'), await sent);
  program.end();
  client.resume();
  assert.equal((await session.closed).reason, 'closed');
});

test('an idle time of two months is not taken for one of a moment', async () => {
  // More than 32 bits of milliseconds hold.
  const patient = await serve(engine, { local, idleTimeout: 2 ** 32 + 1 });
  const other = await serve(engine, { local, idleTimeout: 100 });
  assert.equal((await other.session.closed).reason, 'idle-timeout');
  patient.client.write('still here');
  assert.equal(String((await event(patient.program, 'data'))[0]), 'still here');
  for (const { client, program } of [patient, other]) {
    client.destroy();
    program.destroy();
  }
  await patient.session.closed;
});

test('an idle session ends after its idle time, a live one does not', async () => {
  await withTimeEnough(
    'a word now and then',
    async (idleTimeout) => {
      let [said, silence] = [performance.now(), 0];
      const { session, client, program } = await serve(engine, { local, idleTimeout });
      const ended = new Promise((resolve) => client.on('error', () => {}).on('close', resolve));
      client.resume();
      program.resume();
      for (let word = 0; word < 15; word++) {
        client.write('.');
        silence = Math.max(silence, performance.now() - said);
        said = performance.now();
        await delay(idleTimeout / 10);
      }
      const { reason, counters } = await session.closed;
      assert.equal(reason, 'idle-timeout');
      await within("the client's end", ended, 2 * patience);
      program.destroy();
      // It was not kept alive as it was meant to be.
      if (silence > idleTimeout / 2) return undefined;
      assert.ok(counters.duration >= 1.5 * idleTimeout, `it lasted ${counters.duration} ms`);
      return reason;
    },
    2_000,
  );
});

test('aborting ends at once', async () => {
  const { session, client, program } = await serve(engine, { local });
  client.on('error', () => {});
  const left = readAll(program);
  engine.close(session.id, 'abort');
  assert.equal((await session.closed).reason, 'ended');
  await left;
  program.destroy();
  client.destroy();
});

test('TCP serves as plaintext side, and UNIX sockets and pairs as ciphertext side', async () => {
  const [cipherA, cipherB] = sockets.socketPair();
  const tcp = await tcpPair();
  const session = open(engine, { fd: cipherB, role: 'server', local, plainFd: tcp.fd });
  const client = await connected(
    connect({ socket: new Socket({ fd: cipherA }), rejectUnauthorized: false }),
  );
  client.end('over a pair');
  assert.equal((await readAll(tcp.peer)).toString(), 'over a pair');
  tcp.peer.end('over TCP');
  assert.equal((await readAll(client)).toString(), 'over TCP');
  assert.equal((await session.closed).reason, 'closed');
});

test('O_NONBLOCK of descriptors handed over is left as it was', async () => {
  const { readFileSync } = await import('node:fs');
  const flags = (fd: number) =>
    /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  const { peer, fd } = await tcpPair();
  const [ours, theirs] = sockets.socketPair();
  const [keptCipher, keptPlain] = [sockets.duplicate(fd), sockets.duplicate(theirs)];
  const before = [flags(keptCipher), flags(keptPlain)];
  const session = open(engine, { fd, role: 'server', local, plainFd: theirs });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  assert.deepEqual([flags(keptCipher), flags(keptPlain)], before);
  client.on('error', () => {}).destroy();
  engine.close(session.id, 'abort');
  await session.closed;
  for (const each of [keptCipher, keptPlain, ours]) sockets.closeFd(each);
});

test('a program that keeps duplicates of its descriptors does no harm after the end', async () => {
  const { peer, fd } = await tcpPair();
  const kept = sockets.duplicate(fd);
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const client = await connected(connect({ socket: peer, rejectUnauthorized: false }));
  client.on('error', () => {});
  engine.close(session.id, 'abort');
  await session.closed;
  // The socket is still open here: its events must reach nobody, also when the number is used again.
  client.write('into the void');
  const again = await serve(engine, { local });
  again.client.end('x');
  assert.equal((await readAll(again.program)).toString(), 'x');
  again.program.end();
  again.client.resume();
  await again.session.closed;
  sockets.closeFd(kept);
  program.destroy();
});

test('sessions leave no descriptors behind', async () => {
  const before = openDescriptors();
  for (let round = 0; round < 30; round++) {
    const { session, client, program } = await serve(engine, { local });
    client.resume();
    program.resume();
    if (round % 3 === 0) program.end();
    else if (round % 3 === 1) client.end();
    else engine.close(session.id, 'abort');
    program.on('end', () => program.end());
    client.on('end', () => client.end()).on('error', () => {});
    await session.closed;
    client.destroy();
    program.destroy();
  }
  await nothingLeft(engine, before);
});
