/** DTLS through a network that is not kind. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { badly, Network, udpTo } from '../../datagrams.ts';
import { until, within } from '../../patience.ts';
import { meet } from './datagram-fixture.ts';
import { type Answers, open, Pki, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('p256', 'server.example');
const credential = await pki.credential(engine, leaf);

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`a network that loses, doubles and reorders only delays the handshake (seed ${seed})`, async () => {
    await using network = await Network.create(badly(seed, 0.1));
    using both = meet(engine, network, credential);
    assert.ok(await both.client.established);
    assert.ok(await both.server.established);
    const sent = Array.from({ length: 200 }, (_, number) => `datagram ${number}`);
    for (const text of sent) both.visiting.send(text);
    await until('most datagrams', () => both.serving.received.length > 100);
    both.visiting.close();
    await both.client.closed;
    const arrived = both.serving.received.filter((data) => data !== undefined).map(String);
    assert.equal(new Set(arrived).size, arrived.length, 'none arrives twice');
    assert.ok(arrived.every((text) => sent.includes(text)));
    assert.ok(network.carried.some(({ fate }) => fate === 'lose'));
    assert.ok(network.carried.some(({ fate }) => fate === 'double'));
  });
}

test('a handshake that waits for the brain does not mind what is repeated meanwhile', async () => {
  await using network = await Network.create();
  const asked: number[] = [];
  using both = meet(engine, network, credential, {
    server: { local: 'ask' },
    serverAnswers: {
      hello({ session }) {
        asked.push(session);
        const repeated = () => fromClient(network) >= 4;
        until('the client to repeat itself', repeated).then(() =>
          engine.chooseLocal(session, { credentials: [credential] }),
        );
      },
    },
  });
  assert.ok(await both.client.established);
  assert.ok(await both.server.established);
  assert.equal(asked.length, 1, 'the brain is asked once');
  both.visiting.send('ping');
  assert.equal(await both.serving.text(), 'ping');
});

function fromClient({ carried }: Network): number {
  return carried.filter(({ direction }) => direction === 'to-server').length;
}

test('nor does one that waits for a verdict on either side, parked in the middle of its work', async () => {
  await using network = await Network.create();
  const john = {
    credentials: [await pki.credential(engine, pki.leaf('p256', 'john@example.com'))],
  };
  const judged: string[] = [];
  const judgeLater = (who: 'server' | 'client', name: string): Answers => ({
    verifyPeer({ session }) {
      judged.push(who);
      const from = network.carried.length;
      const repeated = () => network.carried.length >= from + 3;
      until('the other side to repeat itself', repeated).then(() => {
        assert.ok(engine.state().parkedJobs > 0);
        engine.acceptPeer(session, { name, until: 0 });
      });
    },
  });
  using both = meet(engine, network, credential, {
    server: { peer: 'require' },
    client: { local: john },
    serverAnswers: judgeLater('server', 'john@example.com'),
    clientAnswers: judgeLater('client', 'server.example'),
  });
  assert.equal((await both.client.established)?.peerName, 'server.example');
  assert.equal((await both.server.established)?.peerName, 'john@example.com');
  assert.deepEqual(judged, ['client', 'server'], 'each is asked once');
  both.visiting.send('ping');
  assert.equal(await both.serving.text(), 'ping');
  assert.equal(engine.state().parkedJobs, 0);
});

test('a handshake that is given up while it is parked leaves nothing', async () => {
  await using network = await Network.create();
  const asked = Promise.withResolvers<void>();
  using both = meet(engine, network, credential, {
    clientAnswers: { verifyPeer: () => asked.resolve() },
  });
  await within('the question', asked.promise);
  // It is parked just after the question went out.
  await until('the parked job', () => engine.state().parkedJobs === 1);
  engine.close(both.client.id, 'abort');
  await both.client.closed;
  engine.close(both.server.id, 'abort');
  await both.server.closed;
  assert.equal(engine.state().parkedJobs, 0);
});

test('a chain that is larger than the MTU comes in fragments, none of which IP has to divide', async () => {
  const names = Array.from({ length: 150 }, (_, number) => `DNS:host-${number}.server.example`);
  const large = pki.leaf('p256', 'large.example');
  const others = Array.from({ length: 3 }, () =>
    pki.leaf('p256', 'issuer.example', [`issuerAltName=${names.join(',')}`]),
  );
  const chain = [...large.chain, ...others.flatMap((other) => other.chain)];
  assert.ok(chain.reduce((sum, { length }) => sum + length, 0) > 4 * 1500);
  const withChain = await pki.credential(engine, { ...large, chain });
  await using network = await Network.create();
  using both = meet(engine, network, withChain);
  assert.ok(await both.client.established);
  assert.deepEqual((await engine.certificates(both.client.id)).peer, chain);
  const largest = Math.max(...network.carried.map(({ data }) => data.length));
  assert.ok(largest > 1000 && largest <= 1500 - 28, `the largest datagram has ${largest} bytes`);
});

test('datagrams that are not the peer’s change nothing, before, during and after the handshake', async () => {
  let datagrams = 0;
  await using network = await Network.create(() => {
    datagrams++;
    for (const garbage of strange) {
      network.inject('to-server', garbage);
      network.inject('to-client', garbage);
    }
    return 'pass';
  });
  const strange = [
    Buffer.alloc(0),
    Buffer.from('GET / HTTP/1.0\r\n\r\n'),
    randomBytes(1400),
    Buffer.from('16fefd0000000000000009ffff01', 'hex'),
    Buffer.from('14fefd000000000000000900', 'hex'),
    // Data, alerts and handshakes that claim to be protected, also too short for that.
    ...[0, 1, 2, 5, 7, 8, 15, 16, 23, 24, 25, 64].flatMap((length) =>
      [0x15, 0x16, 0x17].map((type) => {
        const header = Buffer.from([type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, length]);
        return Buffer.concat([header, randomBytes(length)]);
      }),
    ),
  ];
  using both = meet(engine, network, credential);
  assert.ok(await both.client.established);
  assert.ok(await both.server.established);
  both.visiting.send('ping');
  assert.equal(await both.serving.text(), 'ping');
  both.serving.send('pong');
  assert.equal(await both.visiting.text(), 'pong');
  both.visiting.send('a');
  assert.equal(await both.serving.text(), 'a');
  assert.ok(datagrams > 6);
});

test('what was recorded is not accepted again', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential);
  await both.server.established;
  both.visiting.send('once');
  assert.equal(await both.serving.text(), 'once');
  for (const { direction, data } of [...network.carried]) {
    if (direction === 'to-server') network.inject(direction, data);
  }
  both.visiting.send('another');
  assert.equal(await both.serving.text(), 'another');
  assert.deepEqual(both.serving.received, []);
});

test('what comes twice keeps no session open, nor does what it makes DTLS repeat', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential, { server: { idleTimeout: 1_000 } });
  assert.ok(await both.server.established);
  both.visiting.send('once');
  assert.equal(await both.serving.text(), 'once');
  const recorded = network.carried.filter(({ direction }) => direction === 'to-server');
  // More often than the time-out ends: each would begin it anew if it counted.
  const repeat = setInterval(() => {
    for (const { direction, data } of recorded) network.inject(direction, data);
  }, 50);
  try {
    assert.equal((await both.server.closed).reason, 'idle-timeout');
  } finally {
    clearInterval(repeat);
  }
});

test('a client hears at once that nobody has the port', async () => {
  await using network = await Network.create();
  await network.vanish();
  const session = open(engine, { fd: udpTo(network.port), role: 'client', datagrams: true });
  const { reason, failure } = await session.closed;
  assert.equal(reason, 'handshake-failed');
  assert.match(failure?.reason ?? '', /nobody has the peer's port/);
});

test('a session bears that its peer’s port is closed for a moment, and ends when it stays so', async () => {
  await using network = await Network.create();
  using both = meet(engine, network, credential);
  await both.server.established;
  await both.client.established;
  await network.vanish();
  let words = 0;
  let over = false;
  const closed = both.client.closed.finally(() => {
    over = true;
  });
  for (; !over; await pause(50)) {
    both.visiting.send('is anybody there?');
    words++;
  }
  assert.equal((await closed).reason, 'peer-reset');
  assert.ok(words > 2, 'not at the first word');
});
