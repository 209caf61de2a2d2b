import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  clientDialog,
  parseProtocol,
  protocols,
  serverDialog,
} from '../../../src/core/starttls/dialogs.ts';
import { examples } from './examples.ts';
import { type Actor, type Simulated, simulate } from './simulation.ts';

const strict = { optional: false };
const known = { ownName: 'client.example.com', destination: 'www.example.com:443' };
const chunks = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

/** Stream ids are drawn anew each time. */
function withoutIds(result: Simulated): object {
  const peer = result.told.peer.replace(/ id='[-0-9a-f]{36}'/, '');
  return { ...result, told: { ...result.told, peer } };
}

function asServer(protocol: string, peer: Actor, program: Actor, sizes?: readonly number[]) {
  const dialog = serverDialog(parseProtocol(protocol), strict);
  return simulate(dialog, { peer, program }, sizes === undefined ? {} : { chunks: sizes });
}

function asClient(protocol: string, server: Actor, sizes?: readonly number[]) {
  const dialog = clientDialog(parseProtocol(protocol), known);
  const { asking = {} } = examples.find((example) => example.protocol === protocol) ?? {};
  const actors = { peer: server, program: asking };
  return simulate(dialog, actors, sizes === undefined ? {} : { chunks: sizes });
}

test('every protocol has an example', () => {
  const covered = new Set(examples.map(({ protocol }) => protocol));
  assert.deepEqual(
    protocols.filter(({ name }) => !covered.has(name)).map(({ name }) => name),
    [],
  );
});

for (const { protocol, program, asks, begin, server, without, tlsFollows, implicit } of examples) {
  test(`${protocol}: a client that asks for TLS gets it, and the program heard nothing of it before`, () => {
    const result = asServer(protocol, { greeting: asks }, program);
    assert.equal(result.secured, true, result.outcome);
    assert.ok(result.told.peer.endsWith(begin), JSON.stringify(result.told.peer));
    assert.equal(result.told.program.includes('client.example.com'), false);
    assert.equal(result.left.peer, '');
  });

  test(`${protocol}: how a client's bytes are cut makes no difference`, () => {
    const whole = withoutIds(asServer(protocol, { greeting: asks }, program));
    fc.assert(
      fc.property(chunks, (sizes) => {
        const cut = withoutIds(asServer(protocol, { greeting: asks }, program, sizes));
        assert.deepEqual(cut, whole);
      }),
    );
  });

  test(`${protocol}: what is injected behind the request for TLS never reaches the program`, () => {
    const injected = 'INJECTED BY SOMEBODY\r\n';
    const whole = asServer(protocol, { greeting: asks + injected }, program);
    if (tlsFollows) {
      // It is for the handshake, which will not like it.
      assert.equal(whole.secured, true);
      assert.equal(whole.left.peer, injected);
    } else {
      assert.equal(whole.secured, false);
      assert.equal(whole.outcome, 'starttls-injection');
    }
    fc.assert(
      fc.property(chunks, fc.uint8Array({ minLength: 1, maxLength: 60 }), (sizes, bytes) => {
        const marked = Buffer.concat([Buffer.from(asks, 'latin1'), Buffer.from(injected), bytes]);
        const { told, left, outcome } = asServer(protocol, { greeting: marked }, program, sizes);
        assert.equal(told.program.includes('INJECTED'), false);
        // Ended, or all of it is left to the handshake.
        if (outcome !== 'starttls-injection') {
          assert.ok(left.peer.startsWith(injected), `${outcome}: ${left.peer}`);
        }
      }),
    );
  });

  test(`${protocol}: garbage in the place of a client never gets through in the clear`, () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(
        fc.constantFrom(...asks.split(/(?=\r\n|[ <>'])/), '\r\n', 'MAIL', 'a LOGIN b c\r\n'),
      ),
    );
    fc.assert(
      fc.property(garbage, chunks, (bytes, sizes) => {
        const greeting =
          bytes instanceof Uint8Array ? Buffer.from(bytes) : Buffer.from(bytes.join(''), 'latin1');
        const result = asServer(protocol, { greeting }, program, sizes);
        const silent = asServer(protocol, {}, program).told.program;
        if (!result.secured) {
          assert.notEqual(result.outcome, 'through');
          assert.notEqual(result.outcome, 'leave');
          // Not a word but our own questions.
          assert.ok(silent.startsWith(result.told.program) || isOurQuestion(result.told.program));
        }
      }),
    );
  });

  test(`${protocol}: our client gets TLS from a server that has it, however its bytes are cut`, () => {
    const whole = asClient(protocol, server);
    assert.equal(whole.secured, true, whole.outcome);
    fc.assert(
      fc.property(chunks, (sizes) => {
        assert.deepEqual(asClient(protocol, server, sizes), whole);
      }),
    );
  });

  test(`${protocol}: our client ends where the server does not offer TLS, or somebody took that out`, () => {
    for (const actor of without) {
      const result = asClient(protocol, actor);
      assert.equal(result.secured, false);
      assert.match(result.outcome, /^starttls-/);
      assert.equal(result.told.program, '');
    }
  });

  test(`${protocol}: what is injected behind the server's answer never reaches the program`, () => {
    if (implicit) return;
    const injecting: Actor = {
      ...server,
      answer: (heard, more) => {
        const answer = server.answer?.(heard, more);
        return answer === undefined
          ? undefined
          : `${answer.toString('latin1' as never)}INJECTED\r\n`;
      },
    };
    const late =
      server.answer === undefined ? { greeting: `${server.greeting}INJECTED\r\n` } : injecting;
    const result = asClient(protocol, late);
    assert.equal(result.secured, false);
    assert.match(result.outcome, /^starttls-/);
    assert.equal(result.told.program, '');
  });
}

function isOurQuestion(told: string): boolean {
  return /^(?:(?:EHLO|LHLO) www\.example\.com\r\n)?$/.test(told);
}
