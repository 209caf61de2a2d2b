import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { socketPair } from '../../../src/core/engine/sockets.ts';
import type { EstablishedEvent, OpenSession } from '../../../src/core/engine/types.ts';
import { type Answers, open, Pki, plaintext, readAll, serve, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('p256', 'server.example');
const credential = await pki.credential(engine, leaf);
const local = { credentials: [credential] };
const john = pki.leaf('p256', 'john@example.com');
const asJohn = { cert: readFileSync(john.certificateFile), key: readFileSync(john.keyFile) };
const context = (seed: number) => ({ context: Buffer.alloc(32, seed) });
const soon = () => Math.floor(Date.now() / 1000) + 3600;

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

interface Visit {
  established: EstablishedEvent;
  /** What the client may resume with next time. */
  ticket: Buffer | undefined;
  verified: number;
}

/** One connection with a word each way. */
async function visit(
  session: Partial<OpenSession>,
  client: ConnectionOptions = {},
  verdict?: { name: string; until: number },
): Promise<Visit> {
  let verified = 0;
  const answers: Answers = {
    hello: (event) =>
      engine.chooseLocal(event.session, {
        ...local,
        ...(session.resumption ? { resumption: session.resumption } : {}),
      }),
    verifyPeer(event) {
      verified++;
      engine.acceptPeer(event.session, verdict ?? { name: 'john@example.com', until: soon() });
    },
  };
  const exchange = await serve(engine, { local, ...session }, client, answers);
  let ticket: Buffer | undefined;
  exchange.client.on('session', (fresh: Buffer) => {
    ticket = fresh;
  });
  if (client.maxVersion === 'TLSv1.2') ticket = exchange.client.getSession();
  const heard = readAll(exchange.client);
  exchange.client.end('ping');
  await readAll(exchange.program);
  exchange.program.end('pong');
  assert.equal((await heard).toString(), 'pong');
  await exchange.session.closed;
  const established = await exchange.session.established;
  assert.ok(established);
  return { established, ticket, verified };
}

for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`a session is resumed within its context, and only there (${maxVersion})`, async () => {
    const first = await visit({ resumption: context(1) }, { maxVersion });
    assert.equal(first.established.resumed, false);
    assert.ok(first.ticket, 'the client got a ticket');
    const session = first.ticket;
    assert.equal(
      (await visit({ resumption: context(1) }, { maxVersion, session })).established.resumed,
      true,
    );
    assert.equal(
      (await visit({ resumption: context(2) }, { maxVersion, session })).established.resumed,
      false,
    );
    assert.equal((await visit({}, { maxVersion, session })).established.resumed, false);
  });

  test(`a client that hears nothing may come again all the same (${maxVersion})`, async () => {
    const asked = { local, resumption: context(8) };
    const { client, program, session } = await serve(engine, asked, { maxVersion });
    let ticket: Buffer | undefined;
    client.on('session', (fresh: Buffer) => {
      ticket = fresh;
    });
    if (maxVersion === 'TLSv1.2') ticket = client.getSession();
    const heard = readAll(client);
    client.end('ping');
    assert.equal((await readAll(program)).toString(), 'ping');
    program.end();
    assert.equal((await heard).length, 0);
    assert.equal((await session.closed).reason, 'closed');
    const again = await visit({ resumption: context(8) }, { maxVersion, session: ticket });
    assert.equal(again.established.resumed, true);
  });

  test(`a client's identity and verdict travel in the ticket (${maxVersion})`, async () => {
    const asking = { resumption: context(3), peer: 'require' as const };
    const first = await visit(asking, { ...asJohn, maxVersion });
    assert.equal(first.verified, 1);
    const again = await visit(asking, { ...asJohn, maxVersion, session: first.ticket });
    assert.equal(again.established.resumed, true);
    assert.equal(again.established.peerName, 'john@example.com');
    assert.equal(again.verified, 0, 'the chain is not judged again');
    // A resumed session's own ticket says the same.
    const thrice = await visit(asking, {
      ...asJohn,
      maxVersion,
      session: again.ticket ?? first.ticket,
    });
    assert.equal(thrice.established.peerName, 'john@example.com');
  });
}

test('without a context, and with a context but no data, no ticket is given', async () => {
  assert.equal((await visit({}, { minVersion: 'TLSv1.3' })).ticket, undefined);
});

test('a context may be chosen with the identity', async () => {
  const first = await visit({ local: 'ask', resumption: context(4) });
  const again = await visit({ local: 'ask', resumption: context(4) }, { session: first.ticket });
  assert.equal(again.established.resumed, true);
});

test('a verdict that has expired, or that may not be used again, leads to a full handshake', async () => {
  const asking = { resumption: context(5), peer: 'require' as const };
  for (const until of [0, Math.floor(Date.now() / 1000) - 1]) {
    const first = await visit(asking, asJohn, { name: 'john@example.com', until });
    const again = await visit(asking, { ...asJohn, session: first.ticket });
    assert.equal(again.established.resumed, false);
    assert.equal(again.verified, 1);
  }
});

test('a ticket of a session that did not ask does not serve one that asks, nor the reverse', async () => {
  const open1 = await visit({ resumption: context(6) });
  const asked = await visit(
    { resumption: context(6), peer: 'require' },
    { ...asJohn, session: open1.ticket },
  );
  assert.equal(asked.established.resumed, false);
  assert.equal(asked.verified, 1);
  const back = await visit({ resumption: context(6) }, { session: asked.ticket });
  assert.equal(back.established.resumed, false);
});

test('a ticket of a client that showed no certificate does not serve where one is required', async () => {
  const first = await visit({ resumption: context(7), peer: 'request' });
  const again = await visit({ resumption: context(7), peer: 'request' }, { session: first.ticket });
  assert.equal(again.established.resumed, true);
  assert.equal(again.established.peerName, '');
  await assert.doesNotReject(
    visit({ resumption: context(7), peer: 'require' }, { ...asJohn, session: first.ticket }),
  );
  const required = await visit(
    { resumption: context(7), peer: 'require' },
    { ...asJohn, session: first.ticket },
  );
  assert.equal(required.established.resumed, false);
});

test('dropped tickets are not taken back', async () => {
  const first = await visit({ resumption: context(8) });
  engine.dropTickets();
  assert.equal(
    (await visit({ resumption: context(8) }, { session: first.ticket })).established.resumed,
    false,
  );
});

test('a forged or damaged ticket leads to a full handshake', async () => {
  const first = await visit({ resumption: context(9) }, { maxVersion: 'TLSv1.2' });
  assert.ok(first.ticket);
  const damaged = Buffer.from(first.ticket);
  const noise = randomBytes(16);
  // The ticket is the long octet string at the end of the serialised session.
  noise.copy(damaged, damaged.length - 60);
  const again = await visit(
    { resumption: context(9) },
    { maxVersion: 'TLSv1.2', session: damaged },
  );
  assert.equal(again.established.resumed, false);
});

/** Our client against our server. */
async function ourVisit(
  client: Partial<OpenSession>,
  server: Partial<OpenSession>,
): Promise<EstablishedEvent & { verified: number }> {
  let verified = 0;
  const [one, other] = socketPair();
  const [asServer, asClient] = [plaintext(), plaintext()];
  const serving = open(engine, { fd: one, role: 'server', local, plainFd: asServer.fd, ...server });
  const session = open(
    engine,
    { fd: other, role: 'client', serverName: 'server.example', plainFd: asClient.fd, ...client },
    {
      verifyPeer(event) {
        verified++;
        engine.acceptPeer(event.session, { name: 'server.example', until: soon() });
      },
    },
  );
  asServer.program.end('word');
  await readAll(asClient.program);
  asClient.program.end();
  asServer.program.resume();
  await Promise.all([serving.closed, session.closed]);
  const established = await session.established;
  assert.ok(established);
  return { ...established, verified };
}

test('as client, sessions are resumed within their context and name, each ticket once', async () => {
  const server = { resumption: context(20) };
  const first = await ourVisit({ resumption: context(21) }, server);
  assert.equal(first.resumed, false);
  const again = await ourVisit({ resumption: context(21) }, server);
  assert.equal(again.resumed, true);
  assert.equal(again.peerName, 'server.example');
  assert.equal(again.verified, 0);
  assert.equal((await ourVisit({ resumption: context(22) }, server)).resumed, false);
  assert.equal(
    (await ourVisit({ resumption: context(21), serverName: 'other.example' }, server)).resumed,
    false,
  );
  assert.equal((await ourVisit({}, server)).resumed, false);
  engine.dropTickets();
  assert.equal((await ourVisit({ resumption: context(21) }, server)).resumed, false);
});
