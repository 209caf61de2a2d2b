import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { after, test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type {
  CertificateRequestedEvent,
  OpenSession,
  VerifyPeerEvent,
} from '../../../src/core/engine/types.ts';
import {
  type Answers,
  connectedFd,
  nodeServer,
  open,
  Pki,
  plaintext,
  readAll,
  startEngine,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const serverLeaf = pki.leaf('p256', 'server.example');
const clientLeaf = pki.leaf('p256', 'john@example.com');
const clientCredential = await pki.credential(engine, clientLeaf);
const ca = readFileSync(pki.caFile);
/** Node's server adds the CA that it knows. */
const serverChain = [...serverLeaf.chain, pki.ca()];
const serverOptions: TlsOptions = {
  cert: readFileSync(serverLeaf.certificateFile),
  key: readFileSync(serverLeaf.keyFile),
  ca,
  allowHalfOpen: true,
} as TlsOptions;
const trusting: Answers = {
  verifyPeer: (event) => engine.acceptPeer(event.session, { name: 'server.example', until: 0 }),
};

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

async function connect(server: TlsOptions, session: Partial<OpenSession>, answers: Answers) {
  const remote = await nodeServer({ ...serverOptions, ...server });
  const { fd, program } = plaintext();
  const observed = open(
    engine,
    { role: 'client', fd: remote.fd, plainFd: fd, serverName: 'server.example', ...session },
    answers,
  );
  return { remote, program, session: observed };
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`as client over ${version}: name sent, chain shown to the brain, data both ways`, async () => {
    let shown: VerifyPeerEvent | undefined;
    const { remote, program, session } = await connect(
      { maxVersion: version, ALPNProtocols: ['smtp', 'imap'] },
      { alpn: ['imap'] },
      {
        verifyPeer(event) {
          shown = event;
          setTimeout(
            () => engine.acceptPeer(event.session, { name: 'server.example', until: 0 }),
            20,
          );
        },
      },
    );
    const established = await session.established;
    assert.equal(established?.version, version);
    assert.equal(established?.alpn, 'imap');
    assert.equal(established?.peerName, 'server.example');
    assert.deepEqual(shown?.chain, serverChain);
    const server = await remote.socket;
    assert.equal((server as { servername?: string }).servername, 'server.example');
    program.end('question');
    assert.equal((await readAll(server)).toString(), 'question');
    server.end('answer');
    assert.equal((await readAll(program)).toString(), 'answer');
    assert.equal((await session.closed).reason, 'closed');
    remote.close();
  });
}

test('a server that the brain does not believe is refused with the alert it named', async () => {
  for (const alert of [
    'unknown_ca',
    'certificate_expired',
    'bad_certificate',
    'certificate_revoked',
  ] as const) {
    const { remote, program, session } = await connect(
      {},
      {},
      {
        verifyPeer: (event) => engine.refuse(event.session, alert, 'not believed'),
      },
    );
    const closed = await session.closed;
    assert.equal(closed.reason, 'refused');
    assert.equal(closed.failure?.alert?.name, alert);
    assert.equal(closed.failure?.reason, 'not believed');
    program.destroy();
    remote.close();
  }
});

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`a certificate is shown when the server asks for one (${version}), and the brain may choose it`, async () => {
    let asked: CertificateRequestedEvent | undefined;
    const { remote, program, session } = await connect(
      { requestCert: true, rejectUnauthorized: true, maxVersion: version },
      { local: 'ask' },
      {
        ...trusting,
        certificateRequested(event) {
          asked = event;
          setTimeout(
            () => engine.chooseLocal(event.session, { credentials: [clientCredential] }),
            20,
          );
        },
      },
    );
    assert.equal((await session.established)?.credential, clientCredential);
    const server = await remote.socket;
    assert.deepEqual(server.getPeerCertificate().raw, clientLeaf.chain[0]);
    assert.ok(asked?.signatureSchemes.includes(0x0403));
    assert.equal(asked?.authorities.length, 1);
    const certificates = await engine.certificates(session.id);
    assert.deepEqual(certificates.own, clientLeaf.chain);
    assert.deepEqual(certificates.peer, serverChain);
    program.end();
    server.resume().end();
    program.resume();
    await session.closed;
    remote.close();
  });
}

test('without a certificate the client shows none, and hears what the server thinks of that', async () => {
  const { remote, program, session } = await connect(
    { requestCert: true, rejectUnauthorized: true },
    {},
    trusting,
  );
  const closed = await session.closed;
  assert.equal(closed.reason, 'protocol-error');
  assert.equal(closed.failure?.side, 'remote');
  assert.deepEqual(closed.failure?.alert, {
    direction: 'received',
    name: 'certificate_required',
    code: 116,
  });
  program.destroy();
  remote.close();
});

test('no server name is sent when none is given', async () => {
  const { remote, program, session } = await connect({}, { serverName: undefined }, trusting);
  await session.established;
  const server = await remote.socket;
  assert.equal((server as unknown as { servername: string | false }).servername, false);
  engine.close(session.id, 'abort');
  await session.closed;
  server.on('error', () => {}).destroy();
  program.destroy();
  remote.close();
});

test('a server of too old a protocol is refused', async () => {
  const { remote, program, session } = await connect(
    { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    {},
    trusting,
  );
  const closed = await session.closed;
  assert.equal(closed.reason, 'handshake-failed');
  assert.equal(closed.failure?.alert?.name, 'protocol_version');
  program.destroy();
  remote.close();
});

test('two engine sessions talk to each other, each proving who it is', async () => {
  const { socketPair } = await import('../../../src/core/engine/sockets.ts');
  const serverCredential = await pki.credential(engine, serverLeaf);
  const [one, other] = socketPair();
  const [asServer, asClient] = [plaintext(), plaintext()];
  const server = open(
    engine,
    {
      fd: one,
      role: 'server',
      local: { credentials: [serverCredential] },
      peer: 'require',
      plainFd: asServer.fd,
    },
    {
      verifyPeer: (event) =>
        engine.acceptPeer(event.session, { name: 'john@example.com', until: 0 }),
    },
  );
  const client = open(
    engine,
    { fd: other, role: 'client', local: { credentials: [clientCredential] }, plainFd: asClient.fd },
    trusting,
  );
  assert.equal((await client.established)?.peerName, 'server.example');
  assert.equal((await server.established)?.peerName, 'john@example.com');
  asClient.program.end('ping');
  assert.equal((await readAll(asServer.program)).toString(), 'ping');
  asServer.program.end('pong');
  assert.equal((await readAll(asClient.program)).toString(), 'pong');
  assert.equal((await server.closed).reason, 'closed');
  assert.equal((await client.closed).reason, 'closed');
});

/** Content types of the records in a stream. */
function recordTypes(stream: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= stream.length; at += 5 + stream.readUInt16BE(at + 3)) {
    types.push(stream.readUInt8(at));
  }
  return types;
}

test('as client over TLS 1.3 we refuse in private, and middleboxes see what they know', async () => {
  const heard: Buffer[] = [];
  const server = createTlsServer(serverOptions).on('tlsClientError', () => {});
  const tapped = createServer((socket) => {
    const { port } = server.address() as AddressInfo;
    const onward = connectTcp(port, '127.0.0.1');
    socket.on('data', (data: Buffer) => heard.push(data)).on('error', () => {});
    onward.on('error', () => {});
    socket.pipe(onward).pipe(socket);
  });
  for (const each of [server, tapped]) await once(each.listen(0, '127.0.0.1'), 'listening');
  try {
    const fd = await connectedFd((tapped.address() as AddressInfo).port);
    const session = open(
      engine,
      { role: 'client', fd, serverName: 'server.example' },
      { verifyPeer: (event) => engine.refuse(event.session, 'unknown_ca', 'a stranger') },
    );
    assert.equal(await session.established, undefined);
    const all = once(tapped, 'close');
    tapped.close();
    await all;
    const [hello, changeCipherSpec, encrypted] = [22, 20, 23];
    assert.deepEqual(recordTypes(Buffer.concat(heard)), [hello, changeCipherSpec, encrypted]);
  } finally {
    tapped.close();
    server.close();
  }
});
