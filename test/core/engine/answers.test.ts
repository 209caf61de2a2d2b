import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import { within } from '../../patience.ts';
import { nothingLeft, open, Pki, plaintext, tcpPair } from './fixture.ts';

const pki = new Pki();
const ca = pki.ca();
const leaf = pki.leaf('p256', 'server.example');

after(() => pki[Symbol.dispose]());

/** Numbers from 0 to 1 that are the same in each run. */
function* chances(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

/** How a question ended: answered, or told that the engine was stopped. */
async function outcome(question: Promise<unknown>): Promise<'answered' | 'stopped'> {
  try {
    await question;
    return 'answered';
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'engine-stopped');
    return 'stopped';
  }
}

test('each of ten thousand questions is answered, however they come', async () => {
  const engine = Engine.start({ threads: 2 });
  const anchors = engine.createAnchors([ca]);
  const chance = chances(1);
  const asked: Promise<unknown>[] = [];
  for (let i = 0; i < 10_000; i++) {
    const question =
      chance.next().value < 0.9
        ? assert.rejects(engine.createCrl(Buffer.of(i & 255)), { code: 'unusable-crl' })
        : engine.verifyPath({ chain: leaf.chain, anchors, role: 'server' });
    asked.push(question);
    // Now in one go, now one by one with the thread falling asleep between them.
    if (chance.next().value < 0.1) await question;
  }
  await within('all answers', Promise.all(asked));
  engine.releaseAnchors(anchors);
  await engine.stop();
});

test('whoever asks an engine that is stopped then is told so, and does not wait for ever', async () => {
  const outcomes = { answered: 0, stopped: 0 };
  const chance = chances(2);
  for (let round = 0; round < 100; round++) {
    const engine = Engine.start({ threads: 1 });
    const anchors = engine.createAnchors([ca]);
    const asked = Array.from({ length: 1 + Math.floor(chance.next().value * 20) }, () =>
      engine.verifyPath({ chain: leaf.chain, anchors, role: 'server' }),
    );
    const outcomesOfRound = Promise.all(asked.map(outcome));
    if (chance.next().value < 0.5) await asked[0];
    await within('the end of the engine', engine.stop());
    for (const each of await within('an answer or none', outcomesOfRound)) outcomes[each] += 1;
  }
  assert.ok(outcomes.answered > 0 && outcomes.stopped > 0, JSON.stringify(outcomes));
});

test('sessions are told of their end by an engine that is stopped at once', async () => {
  for (let round = 0; round < 100; round++) {
    const engine = Engine.start({ threads: 2 });
    const { peer, fd } = await tcpPair();
    const { fd: plainFd, program } = plaintext();
    const session = open(engine, { fd, role: 'server', plainFd });
    const binding = assert.rejects(engine.channelBinding(session.id, 'tls-unique'));
    await within('the end of the engine', engine.stop());
    assert.equal((await session.closed).reason, 'ended');
    await within('an answer or none', binding);
    peer.destroy();
    program.destroy();
  }
});

test('what sessions scheduled goes with them', async () => {
  const engine = Engine.start({ threads: 1 });
  for (let i = 0; i < 200; i++) {
    const { peer, fd } = await tcpPair();
    const session = open(engine, { fd, role: 'server', handshakeTimeout: 3_600_000 });
    peer.destroy();
    await session.closed;
  }
  await nothingLeft(engine, Number.POSITIVE_INFINITY);
  assert.equal(engine.state().scheduled, 0);
  await engine.stop();
});
