import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import * as sockets from '../../../src/core/engine/sockets.ts';
import type { HelloEvent } from '../../../src/core/engine/types.ts';
import { event, withTimeEnough } from '../../patience.ts';
import {
  type Exchange,
  type Kind,
  open,
  Pki,
  readAll,
  serve,
  serveInVain,
  startEngine,
  tcpPair,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('p256', 'server.example');
const credential = await pki.credential(engine, leaf);
const local = { credentials: [credential] };
const ca = readFileSync(pki.caFile);

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

async function finish({ session, client, program }: Exchange): Promise<void> {
  client.resume();
  program.resume();
  client.end();
  program.end();
  await session.closed;
}

for (const kind of ['p256', 'p384', 'ed25519', 'rsa'] satisfies Kind[]) {
  const own = pki.leaf(kind, `${kind}.example`);
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    test(`${version} with a ${kind} key in the token, verified by the client`, async () => {
      const exchange = await serve(
        engine,
        { local: { credentials: [await pki.credential(engine, own)] } },
        { servername: `${kind}.example`, ca, rejectUnauthorized: true, maxVersion: version },
      );
      const established = await exchange.session.established;
      assert.equal(established?.version, version);
      assert.match(established?.cipher ?? '', /GCM|CHACHA20/);
      assert.equal(exchange.client.getProtocol(), version);
      await finish(exchange);
    });
  }
}

test('the post-quantum hybrid is agreed on, in one round trip, when the client knows it', async () => {
  const exchange = await serve(engine, { local });
  assert.equal((await exchange.session.established)?.group, 'X25519MLKEM768');
  await finish(exchange);
});

test('a client that knows the hybrid but sent no share of it is asked for one', async () => {
  // Only the first group of OpenSSL's list gets a share here.
  const exchange = await serve(
    engine,
    { local },
    { ecdhCurve: 'X25519:X25519MLKEM768', minVersion: 'TLSv1.3' },
  );
  assert.equal((await exchange.session.established)?.group, 'X25519MLKEM768');
  await finish(exchange);
});

test('X25519 and P-256 are taken when that is all a client has', async () => {
  const x25519 = await serve(engine, { local }, { ecdhCurve: 'X25519' });
  assert.match((await x25519.session.established)?.group ?? '', /x25519/i);
  await finish(x25519);
  const p256 = await serve(engine, { local }, { ecdhCurve: 'P-256' });
  assert.match((await p256.session.established)?.group ?? '', /secp256r1|P-256/i);
  await finish(p256);
});

test('TLS 1.2 without forward secrecy or AEAD is refused', async () => {
  for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA256']) {
    const { closed, clientError } = await serveInVain(
      engine,
      { local },
      { ciphers, maxVersion: 'TLSv1.2' },
    );
    assert.equal(closed.reason, 'handshake-failed');
    assert.equal(closed.failure?.side, 'local');
    assert.ok(clientError);
  }
});

test('TLS 1.1 is refused with protocol_version', async () => {
  const { closed } = await serveInVain(
    engine,
    { local },
    { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
  );
  assert.equal(closed.failure?.alert?.name, 'protocol_version');
  assert.equal(closed.failure?.alert?.direction, 'sent');
});

test('the brain is asked with what the client offers, and its answer is shown', async () => {
  let asked: HelloEvent | undefined;
  const exchange = await serve(
    engine,
    { local: 'ask', alpn: ['h2', 'http/1.1'] },
    {
      servername: 'Server.Example',
      ca,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1', 'other'],
    },
    {
      hello(event) {
        asked = event;
        setTimeout(() => engine.chooseLocal(event.session, local), 20);
      },
    },
  );
  assert.equal(asked?.serverName, 'server.example');
  assert.deepEqual(asked?.alpn, ['http/1.1', 'other']);
  assert.ok(asked?.signatureSchemes.includes(0x0403));
  assert.equal((await exchange.session.established)?.alpn, 'http/1.1');
  assert.equal((await exchange.session.established)?.credential, credential);
  assert.equal(exchange.client.alpnProtocol, 'http/1.1');
  await finish(exchange);
});

test('a hello that is refused ends with the alert that the brain named', async () => {
  for (const alert of ['unrecognized_name', 'access_denied', 'handshake_failure'] as const) {
    const { closed, clientError } = await serveInVain(
      engine,
      { local: 'ask' },
      { servername: 'unknown.example' },
      {
        hello: (event) => engine.refuse(event.session, alert, 'not one of ours'),
      },
    );
    assert.equal(closed.reason, 'refused');
    assert.deepEqual(closed.failure?.alert, {
      direction: 'sent',
      name: alert,
      code: closed.failure?.alert?.code,
    });
    assert.equal(closed.failure?.reason, 'not one of ours');
    assert.match(clientError?.code ?? '', /ALERT|UNRECOGNIZED/);
  }
});

test('a large ClientHello that arrives in small pieces is read', async () => {
  const { peer, fd } = await tcpPair();
  const observed = open(
    engine,
    { fd, role: 'server', local: 'ask' },
    {
      hello: (event) => engine.refuse(event.session, 'access_denied', event.serverName ?? ''),
    },
  );
  const hello = await capturedHello();
  assert.ok(hello.length > 1400, 'it has an ML-KEM share');
  for (let at = 0; at < hello.length; at += 100) {
    peer.write(hello.subarray(at, at + 100));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  peer.resume();
  assert.equal((await observed.closed).failure?.reason, 'pieces.example');
});

/** The first flight of a client, taken from the wire. */
async function capturedHello(): Promise<Buffer> {
  const { createConnection, createServer } = await import('node:net');
  const { connect } = await import('node:tls');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = event(server, 'connection');
  const client = connect({
    socket: createConnection(port, '127.0.0.1'),
    servername: 'pieces.example',
  });
  client.on('error', () => {});
  const [socket] = (await accepted) as [import('node:net').Socket];
  const [first] = (await event(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return first;
}

test('among several credentials the first that the client can use is shown', async () => {
  const rsa = await pki.credential(engine, pki.leaf('rsa', 'several.example'));
  const ed25519 = await pki.credential(engine, pki.leaf('ed25519', 'several.example'));
  const credentials = [ed25519, credential, rsa];
  const chosen = async (client: object) => {
    const exchange = await serve(engine, { local: { credentials } }, client);
    const shown = (await exchange.session.established)?.credential;
    await finish(exchange);
    return shown;
  };
  assert.equal(await chosen({}), ed25519);
  assert.equal(await chosen({ sigalgs: 'ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256' }), credential);
  assert.equal(await chosen({ sigalgs: 'rsa_pss_rsae_sha256' }), rsa);
  const tls12 = { maxVersion: 'TLSv1.2' };
  assert.equal(await chosen({ ...tls12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), rsa);
  assert.equal(await chosen({ ...tls12, sigalgs: 'ECDSA+SHA256:RSA+SHA256' }), credential);
});

test('a client that can use none of our certificates is told handshake_failure', async () => {
  const { closed } = await serveInVain(engine, { local }, { sigalgs: 'rsa_pss_rsae_sha256' });
  assert.equal(closed.failure?.alert?.name, 'handshake_failure');
  assert.match(closed.failure?.reason ?? '', /certificate/);
});

test('no application protocol in common is refused with no_application_protocol', async () => {
  const { closed } = await serveInVain(
    engine,
    { local, alpn: ['h2'] },
    { ALPNProtocols: ['http/1.1'] },
  );
  assert.equal(closed.failure?.alert?.name, 'no_application_protocol');
});

test('a client without ALPN, or a server without a list, selects none', async () => {
  const silent = await serve(engine, { local, alpn: ['h2'] });
  assert.equal((await silent.session.established)?.alpn, '');
  await finish(silent);
  const indifferent = await serve(engine, { local }, { ALPNProtocols: ['h2'] });
  assert.equal((await indifferent.session.established)?.alpn, '');
  await finish(indifferent);
});

test('the plaintext side may come later, and nothing that the client sent meanwhile is lost', async () => {
  const { peer, fd } = await tcpPair();
  const observed = open(engine, { fd, role: 'server', local });
  const { connect } = await import('node:tls');
  const client = connect({ socket: peer, rejectUnauthorized: false });
  client.end('early bird');
  await observed.established;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [ours, theirs] = sockets.socketPair();
  engine.attach(observed.id, theirs);
  const { Socket } = await import('node:net');
  const program = new Socket({ fd: ours, allowHalfOpen: true });
  assert.equal((await readAll(program)).toString(), 'early bird');
  program.end();
  assert.equal((await observed.closed).reason, 'closed');
});

test('plain HTTP to a TLS port is told in plain words', async () => {
  const { peer, fd } = await tcpPair();
  const observed = open(engine, { fd, role: 'server', local });
  peer.on('error', () => {}).resume();
  peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const closed = await observed.closed;
  assert.equal(closed.reason, 'handshake-failed');
  assert.match(closed.failure?.reason ?? '', /plain HTTP/);
});

test('garbage is refused with an alert that reaches the peer', async () => {
  const { peer, fd } = await tcpPair();
  const observed = open(engine, { fd, role: 'server', local });
  // A handshake record, as its header says, of nonsense.
  peer.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 100]), Buffer.alloc(4000, 0x55)]));
  const answer = await readAll(peer);
  assert.equal(answer[0], 0x15, 'an alert record');
  assert.equal((await observed.closed).failure?.side, 'local');
  peer.destroy();
});

test('a peer that leaves or resets during the handshake is at fault', async () => {
  const { peer, fd } = await tcpPair();
  const left = open(engine, { fd, role: 'server', local });
  peer.end();
  const closed = await left.closed;
  assert.equal(closed.failure?.side, 'remote');
  assert.match(closed.failure?.reason ?? '', /closed the connection/);
  const second = await tcpPair();
  const reset = open(engine, { fd: second.fd, role: 'server', local });
  second.peer.resetAndDestroy();
  assert.equal((await reset.closed).failure?.side, 'remote');
});

test('a silent peer, a silent brain and a missing plaintext side each meet the handshake time-out', async () => {
  const silent = await tcpPair();
  const first = open(engine, { fd: silent.fd, role: 'server', local, handshakeTimeout: 50 });
  assert.equal((await first.closed).reason, 'handshake-timeout');
  silent.peer.destroy();
  const asked = await serveInVain(engine, { local: 'ask', handshakeTimeout: 50 });
  assert.equal(asked.closed.reason, 'handshake-timeout');
  const unattached = await withTimeEnough(
    'an established session',
    async (handshakeTimeout) => {
      let isEstablished = false;
      const established = () => {
        isEstablished = true;
      };
      const ended = await serveInVain(engine, { local, handshakeTimeout }, {}, { established });
      return isEstablished ? ended : undefined;
    },
    200,
  );
  assert.equal(unattached.closed.reason, 'handshake-timeout');
  assert.equal(unattached.clientError, undefined, 'the client hears a proper end');
});

test('an established session may be refused before it is attached, and a TLS 1.3 client hears why', async () => {
  const { closed, clientError } = await serveInVain(
    engine,
    { local },
    {},
    {
      established: (event) => engine.refuse(event.session, 'access_denied', 'not for you'),
    },
  );
  assert.equal(closed.reason, 'refused');
  assert.equal(closed.failure?.alert?.name, 'access_denied');
  assert.match(clientError?.code ?? '', /ACCESS_DENIED/);
  const old = await serveInVain(
    engine,
    { local },
    { maxVersion: 'TLSv1.2' },
    {
      established: (event) => engine.refuse(event.session, 'access_denied', 'not for you'),
    },
  );
  assert.equal(old.closed.reason, 'refused');
});

test('pipes, files, datagram and unconnected sockets are refused by name and closed', async () => {
  const { openSync } = await import('node:fs');
  const file = openSync(pki.caFile, 'r');
  const before = sockets.listenTcp('127.0.0.1', 0);
  for (const [fd, words] of [
    [file, /a file/],
    [before, /listening/],
    [99_999, /not open/],
  ] as const) {
    assert.throws(() => open(engine, { fd, role: 'server' }), {
      code: 'unusable-descriptor',
      message: words,
    });
    assert.throws(() => sockets.closeFd(fd), { code: 'EBADF' });
  }
});

test('a credential needs a key that fits its certificate', async () => {
  const other = pki.leaf('p256', 'other.example');
  await assert.rejects(
    pki.credential(engine, { ...leaf, keyId: other.keyId, publicKey: other.publicKey }),
    {
      code: 'unusable-credential',
    },
  );
});
