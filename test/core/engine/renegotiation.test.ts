import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import type { EstablishedEvent, RenewSession } from '../../../src/core/engine/types.ts';
import { event, until, within } from '../../patience.ts';
import {
  type Answers,
  nodeServer,
  nothingLeft,
  type Observed,
  open,
  openDescriptors,
  Pki,
  plaintext,
  serve,
  startEngine,
  tcpPair,
} from './fixture.ts';
import { Intruder } from './tls12-intruder.ts';

const pki = new Pki();
const engine = startEngine();
const ours = pki.leaf('p256', 'server.example');
const credential = await pki.credential(engine, ours);
const another = await pki.credential(engine, pki.leaf('rsa', 'other.example'));
const local = { credentials: [credential] };
const john = pki.leaf('p256', 'john@example.com');
const johns = await pki.credential(engine, john);
const withCertificate: ConnectionOptions = {
  cert: readFileSync(john.certificateFile),
  key: readFileSync(john.keyFile),
  maxVersion: 'TLSv1.2',
};
const verdict = { name: 'john', until: 0 };
const asking: RenewSession = { peer: 'require', local, timeout: 30_000 };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

/** Answers of a brain that lets all in, and what it hears of handshakes that have ended. */
function lettingIn(more: Answers = {}): { answers: Answers; ended: EstablishedEvent[] } {
  const ended: EstablishedEvent[] = [];
  const answers: Answers = {
    verifyPeer: (each) => engine.acceptPeer(each.session, verdict),
    established: (each) => ended.push(each),
    ...more,
  };
  return { answers, ended };
}

/** Lets the session go on once it is renegotiated. */
async function renegotiated(session: Observed, ended: EstablishedEvent[]): Promise<void> {
  const before = ended.length;
  await until('the new handshake', () => ended.length > before);
  engine.acceptPeer(session.id, verdict);
}

async function arrives(text: string, from: Duplex, at: Duplex): Promise<void> {
  from.write(text);
  assert.equal(String((await event(at, 'data'))[0]), text);
}

test('a server renegotiates: the client shows who it is, after a parked verdict, and data flows on', async () => {
  const { answers, ended } = lettingIn({
    verifyPeer(each) {
      assert.deepEqual(each.chain, john.chain);
      assert.equal(each.version, 'TLSv1.2');
      // It is parked just after the question went out.
      until('the parked job', () => engine.state().parkedJobs === 1).then(() =>
        engine.acceptPeer(each.session, verdict),
      );
    },
  });
  const { session, client, program } = await serve(engine, { local }, withCertificate, answers);
  await arrives('before', client, program);
  assert.equal(await engine.renew(session.id, asking), 'renegotiating');
  await renegotiated(session, ended);
  assert.equal(ended[1]?.peerName, 'john');
  assert.equal(ended[1]?.credential, credential);
  assert.deepEqual((await engine.certificates(session.id)).peer, john.chain);
  await arrives('after', client, program);
  await arrives('answer', program, client);
  client.end();
  program.end();
  assert.equal((await session.closed).reason, 'closed');
});

test('nothing is lost or changed of what both sides send during renegotiations', async () => {
  const { answers, ended } = lettingIn();
  const { session, client, program } = await serve(engine, { local }, withCertificate, answers);
  const streams = [pour(client, program), pour(program, client)];
  for (let round = 0; round < 5; round++) {
    assert.equal(await engine.renew(session.id, asking), 'renegotiating');
    await renegotiated(session, ended);
  }
  for (const stream of streams) await stream.stop();
  client.end();
  program.end();
  assert.equal((await session.closed).reason, 'closed');
});

/** Numbers, one after the other, until it is stopped; all of them arrive, in order. */
function pour(from: Duplex, to: Duplex): { stop(): Promise<void> } {
  let sent = 0;
  let arrived = 0;
  let wrong: string | undefined;
  let rest = '';
  to.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== String(arrived)) wrong ??= `${line} instead of ${arrived}`;
      arrived++;
    }
  });
  const write = () => {
    const lines = Array.from({ length: 200 }, () => `${sent++}\n`);
    from.write(lines.join(''));
  };
  const timer = setInterval(write, 1);
  return {
    async stop() {
      clearInterval(timer);
      await until('all that was sent', () => arrived >= sent || wrong !== undefined);
      assert.equal(wrong, undefined);
      assert.ok(sent > 0);
    },
  };
}

test('a server may show another identity, once the brain was asked', async () => {
  const hellos: (string | undefined)[] = [];
  const { answers, ended } = lettingIn({
    hello(each) {
      hellos.push(each.serverName);
      engine.chooseLocal(each.session, { credentials: [another] });
    },
  });
  const client: ConnectionOptions = { maxVersion: 'TLSv1.2', servername: 'server.example' };
  const exchange = await serve(engine, { local }, client, answers);
  const { session, program } = exchange;
  await arrives('before', exchange.client, program);
  const request: RenewSession = { peer: 'ignore', local: 'ask', timeout: 30_000 };
  assert.equal(await engine.renew(session.id, request), 'renegotiating');
  await renegotiated(session, ended);
  assert.deepEqual(hellos, ['server.example']);
  assert.equal(ended[1]?.credential, another);
  assert.equal(ended[1]?.peerName, '');
  await arrives('after', exchange.client, program);
  exchange.client.destroy();
  program.destroy();
  await session.closed;
});

test('a client renegotiates: it shows who it is, and judges the server anew', async () => {
  const server = await nodeServer({
    cert: readFileSync(ours.certificateFile),
    key: readFileSync(ours.keyFile),
    maxVersion: 'TLSv1.2',
    requestCert: true,
    rejectUnauthorized: false,
  });
  const { fd: plainFd, program } = plaintext();
  let verdicts = 0;
  const { answers, ended } = lettingIn({
    verifyPeer(each) {
      verdicts++;
      assert.deepEqual(each.chain, ours.chain);
      engine.acceptPeer(each.session, verdict);
    },
    certificateRequested: (each) => engine.chooseLocal(each.session, { credentials: [johns] }),
  });
  const session = open(engine, { fd: server.fd, role: 'client', plainFd }, answers);
  const socket = await within('the connection', server.socket);
  assert.equal((await session.established)?.credential, 0);
  await arrives('before', program, socket);
  const request: RenewSession = { peer: 'require', local: 'ask', timeout: 30_000 };
  assert.equal(await engine.renew(session.id, request), 'renegotiating');
  await renegotiated(session, ended);
  assert.equal(verdicts, 2);
  assert.equal(ended[1]?.credential, johns);
  await arrives('after', program, socket);
  assert.deepEqual(socket.getPeerCertificate().raw, john.chain[0]);
  await arrives('answer', socket, program);
  socket.end();
  program.end();
  await session.closed;
  server.close();
});

test('from the new handshake to the verdict nothing passes; who is refused is gone', async () => {
  const { answers, ended } = lettingIn();
  const { session, client, program } = await serve(engine, { local }, withCertificate, answers);
  let heard = '';
  program.on('data', (chunk) => {
    heard += chunk;
  });
  assert.equal(await engine.renew(session.id, asking), 'renegotiating');
  await until('the new handshake', () => ended.length === 2);
  client.write('not yet judged');
  // Another session's data goes through in the meantime.
  const beside = await serve(engine, { local });
  await arrives('beside', beside.client, beside.program);
  assert.equal(heard, '');
  const gone = event(client.resume(), 'end');
  engine.refuse(session.id, 'access_denied', 'no');
  assert.equal((await session.closed).reason, 'refused');
  await gone;
  assert.equal(heard, '');
  beside.client.destroy();
  beside.program.destroy();
  await beside.session.closed;
});

test('a client that does not answer, or leaves instead, leaves nothing behind', async () => {
  const before = openDescriptors();
  for (const leaves of [true, false]) {
    const { peer, fd } = await tcpPair();
    const { fd: plainFd, program } = plaintext();
    const session = open(engine, { fd, role: 'server', local, plainFd });
    peer.on('error', () => {});
    const intruder = await Intruder.enter(peer);
    intruder.write('before');
    assert.equal(String((await event(program, 'data'))[0]), 'before');
    const timeout = leaves ? 0 : 3_000;
    assert.equal(await engine.renew(session.id, { ...asking, timeout }), 'renegotiating');
    assert.equal(await engine.renew(session.id, asking), 'busy');
    // What it sends before it answers is of before.
    intruder.write('still before');
    assert.equal(String((await event(program, 'data'))[0]), 'still before');
    if (leaves) peer.end();
    const { reason, failure } = await session.closed;
    assert.equal(reason, leaves ? 'protocol-error' : 'handshake-timeout');
    assert.ok(failure);
    peer.destroy();
    program.destroy();
  }
  await nothingLeft(engine, before);
});

test('a verdict that does not come, or a session that is ended meanwhile, leaves no parked job', async () => {
  const before = openDescriptors();
  for (const end of ['time', 'abort', 'drain'] as const) {
    let asked = false;
    const { answers } = lettingIn({
      verifyPeer() {
        asked = true;
      },
    });
    const exchange = await serve(engine, { local }, withCertificate, answers);
    exchange.client.on('error', () => {});
    const timeout = end === 'time' ? 3_000 : 0;
    await engine.renew(exchange.session.id, { ...asking, timeout });
    await until('the question', () => asked);
    if (end !== 'time') engine.close(exchange.session.id, end);
    await exchange.session.closed;
    exchange.client.destroy();
    exchange.program.destroy();
  }
  await nothingLeft(engine, before);
});
