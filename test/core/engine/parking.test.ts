import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import type { SessionId } from '../../../src/core/engine/types.ts';
import { NativeTokens } from '../../../src/core/token/native-tokens.ts';
import { event, until } from '../../patience.ts';
import {
  connected,
  nothingLeft,
  open,
  openDescriptors,
  Pki,
  plaintext,
  readAll,
  serve,
  serveInVain,
  startEngine,
  tcpPair,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const local = { credentials: [credential] };
const john = pki.leaf('p256', 'john@example.com');
const withCertificate = {
  cert: readFileSync(john.certificateFile),
  key: readFileSync(john.keyFile),
};

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

function settled(): Promise<void> {
  return nothingLeft(engine, Number.POSITIVE_INFINITY);
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`a client's certificate is judged by the brain while its handshake is parked (${version})`, async () => {
    const exchange = await serve(
      engine,
      { local, peer: 'require' },
      { ...withCertificate, maxVersion: version },
      {
        verifyPeer(event) {
          assert.deepEqual(event.chain, john.chain);
          // It is parked just after the question went out.
          until('the parked job', () => engine.state().parkedJobs === 1).then(() =>
            engine.acceptPeer(event.session, { name: 'john@example.com', until: 0 }),
          );
        },
      },
    );
    assert.equal((await exchange.session.established)?.peerName, 'john@example.com');
    assert.deepEqual((await engine.certificates(exchange.session.id)).peer, john.chain);
    exchange.client.end();
    exchange.program.resume().end();
    exchange.client.resume();
    await exchange.session.closed;
    await settled();
  });
}

test('a client that shows nothing gets certificate_required, or through when that is allowed', async () => {
  const required = await serveInVain(engine, { local, peer: 'require' });
  assert.equal(required.closed.reason, 'handshake-failed');
  assert.equal(required.closed.failure?.alert?.name, 'certificate_required');
  const { session, client, program } = await serve(engine, { local, peer: 'request' });
  assert.equal((await session.established)?.peerName, '');
  client.end();
  program.resume().end();
  client.resume();
  await session.closed;
});

test('a refused client certificate gets the alert that was named, also those OpenSSL has no verdict for', async () => {
  for (const alert of [
    'unknown_ca',
    'certificate_revoked',
    'access_denied',
    'certificate_unknown',
  ] as const) {
    const { closed, clientError } = await serveInVain(
      engine,
      { local, peer: 'require' },
      withCertificate,
      {
        verifyPeer: (event) => engine.refuse(event.session, alert, 'no'),
      },
    );
    assert.equal(closed.reason, 'refused');
    assert.equal(closed.failure?.alert?.name, alert);
    assert.match(clientError?.code ?? '', /ALERT/);
  }
});

test('a client that leaves while its handshake waits for the brain is given up', async () => {
  const { peer, fd } = await tcpPair();
  const asked: SessionId[] = [];
  const session = open(
    engine,
    { fd, role: 'server', local: 'ask' },
    { hello: (event) => asked.push(event.session) },
  );
  const client = connect({ socket: peer, rejectUnauthorized: false }).on('error', () => {});
  await until('the question', () => asked.length > 0);
  client.destroy();
  peer.destroy();
  const closed = await session.closed;
  assert.equal(closed.reason, 'handshake-failed');
  assert.equal(closed.failure?.side, 'remote');
  engine.chooseLocal(session.id, local); // too late, and harmless
  engine.acceptPeer(session.id, { name: '', until: 0 });
  engine.refuse(session.id, 'access_denied', '');
  await settled();
});

test('a client that sends everything and leaves while its certificate is judged loses nothing', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(
    engine,
    { fd, role: 'server', local, peer: 'require', plainFd },
    {
      verifyPeer: (event) =>
        setTimeout(() => engine.acceptPeer(event.session, { name: 'john', until: 0 }), 100),
    },
  );
  const client = await connected(
    connect({ socket: peer, rejectUnauthorized: false, ...withCertificate }),
  );
  client.end('all I had to say');
  client.on('finish', () => peer.end());
  assert.equal((await readAll(program)).toString(), 'all I had to say');
  program.end();
  client.resume();
  assert.equal((await session.closed).reason, 'closed');
});

test('parked handshakes that time out, are refused or aborted leave no job, socket or memory behind', async () => {
  const before = openDescriptors();
  const endings: Promise<unknown>[] = [];
  for (let i = 0; i < 60; i++) {
    const { peer, fd } = await tcpPair();
    const session = open(
      engine,
      { fd, role: 'server', local, peer: 'require', handshakeTimeout: i % 3 === 0 ? 300 : 0 },
      {
        verifyPeer(event) {
          if (i % 3 === 1) engine.close(event.session, 'abort');
          if (i % 3 === 2) engine.close(event.session, 'drain');
        },
      },
    );
    connect({ socket: peer, rejectUnauthorized: false, ...withCertificate })
      .on('error', () => {})
      .resume();
    endings.push(session.closed.then(() => peer.destroy()));
  }
  await Promise.all(endings);
  await nothingLeft(engine, before);
});

test('a handshake that is given up while it waits for its token has nothing to do with how others fail', async () => {
  const tokens = new NativeTokens();
  await tokens.logout(pki.tokenUri);
  const { peer, fd } = await tcpPair();
  const waiting = open(engine, { fd, role: 'server', local, handshakeTimeout: 60_000 });
  const client = connect({ socket: peer, rejectUnauthorized: false }).on('error', () => {});
  await until('the question for the PIN', () => tokens.waiters(pki.tokenUri).includes(waiting.id));
  client.destroy();
  peer.destroy();
  await waiting.closed;
  for (const thread of ['the one', 'the other']) {
    const stranger = await tcpPair();
    const failing = open(engine, { fd: stranger.fd, role: 'server', local });
    stranger.peer.resume().end('GET / HTTP/1.1\r\n\r\n');
    const { failure } = await failing.closed;
    assert.match(failure?.reason ?? '', /plain HTTP/);
    assert.equal(failure?.pkcs11, undefined, thread);
  }
  const pin = Buffer.from(pki.token.pin);
  await tokens.login(pki.tokenUri, pin, { repeatable: true, patient: false });
});

test('a failed handshake does not disturb its neighbours on the same thread', async () => {
  const good = await serve(engine, { local });
  const another = await serve(engine, { local });
  for (let i = 0; i < 10; i++) {
    await serveInVain(engine, { local, peer: 'require' }, withCertificate, {
      verifyPeer: (event) => engine.refuse(event.session, 'unknown_ca', 'no'),
    });
    for (const { client, program } of [good, another]) {
      client.write('x');
      await event(program, 'data');
    }
  }
  for (const { client, program, session } of [good, another]) {
    client.end();
    program.end();
    client.resume();
    assert.equal((await session.closed).reason, 'closed');
  }
});

test('many handshakes wait for their verdicts at once', async () => {
  const waiting: SessionId[] = [];
  const exchanges = Array.from({ length: 100 }, () =>
    serve(engine, { local, peer: 'require', handshakeTimeout: 60_000 }, withCertificate, {
      verifyPeer: (event) => waiting.push(event.session),
    }),
  );
  await until('all questions', () => waiting.length === 100);
  await until('all parked jobs', () => engine.state().parkedJobs === 100);
  for (const id of waiting) engine.acceptPeer(id, { name: 'john', until: 0 });
  for (const exchange of exchanges) {
    const { session, client, program } = await exchange;
    client.resume().end();
    program.resume().end();
    assert.equal((await session.closed).reason, 'closed');
  }
  await settled();
});
