import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { poolErrorNumber } from '../../src/core/protocol/errors.ts';
import type { PinEntry } from '../../src/core/protocol/message.ts';
import { askingPool } from './stage/asking-pool.ts';
import { handedOver } from './stage/handed-over.ts';
import { RawClient } from './stage/raw-client.ts';

const name = 'www.example.com';

function pinEntry(pin: string, timeout = 0): PinEntry {
  return {
    command: 'pinEntry',
    flags: 0,
    attempt: 0,
    timeout,
    pin: Buffer.from(pin),
    prompt: '',
    tokenManufacturer: '',
    tokenModel: '',
    tokenSerial: '',
    tokenLabel: '',
  };
}

/** What the holder of the seat is asked next. */
async function asked(seat: RawClient): Promise<{ question: PinEntry; callbackId: number }> {
  const envelope = await seat.hear();
  assert.ok(envelope?.message.command === 'pinEntry', JSON.stringify(envelope));
  assert.notEqual(envelope.callbackId, 0);
  return { question: envelope.message as PinEntry, callbackId: envelope.callbackId };
}

test('a PIN is asked for in the middle of a handshake, again if it is wrong, and never when the token is open', async () => {
  await using asking = await askingPool([[name]]);
  const { pool, pin } = asking;
  using seat = new RawClient(pool.socket);
  await seat.say(pinEntry(''));
  const program = await connect({ socket: pool.socket });
  const session = handedOver(program, pool, name);

  const first = await asked(seat);
  assert.equal(first.question.attempt, 0);
  assert.equal(first.question.tokenLabel, 'tlspool');
  assert.match(first.question.prompt, /^node \(\w+\) as www\.example\.com$/);
  assert.equal(first.question.pin.length, 0);
  const { pins } = await import('../../src/client/administration.ts');
  const status = await pins({ socket: pool.socket });
  assert.equal(status.holder?.pid, process.pid);
  assert.deepEqual(
    status.needed.map(({ asked: isAsked, attempt, waiting }) => [isAsked, attempt, waiting.length]),
    [[true, 0, 1]],
  );
  assert.equal(status.needed[0]?.waiting[0]?.program.pid, process.pid);

  await seat.say(pinEntry('1234'), { callbackId: first.callbackId });
  const second = await asked(seat);
  assert.equal(second.question.attempt, 1);
  await seat.say(pinEntry(pin), { callbackId: second.callbackId });
  using done = await session;
  done.plain.write('there');
  assert.equal(String(await done.heard()), 'there');
  using another = await handedOver(program, pool, name);
  assert.equal(another.session.localId, name);
  program.close();
});

test('who is asked may decline, and give three wrong PINs; each ends what waits with an error', async () => {
  await using asking = await askingPool([[name]]);
  const { pool } = asking;
  using seat = new RawClient(pool.socket);
  await seat.say(pinEntry(''));
  const program = await connect({ socket: pool.socket });
  const declined = handedOver(program, pool, name);
  await seat.say(pinEntry(''), { callbackId: (await asked(seat)).callbackId });
  await assert.rejects(declined, { code: 'stirred-not-shaken', message: /PIN .* declined/ });

  const wrong = handedOver(program, pool, name);
  wrong.catch(() => undefined);
  for (const attempt of [0, 1, 2]) {
    const { question, callbackId } = await asked(seat);
    assert.equal(question.attempt, attempt);
    await seat.say(pinEntry('1234'), { callbackId });
  }
  await assert.rejects(wrong, { code: 'stirred-not-shaken', message: /CKR_PIN_INCORRECT/ });
  program.close();
});

test('one program asks at a time, and nobody waits for one that is gone', async () => {
  await using asking = await askingPool([[name]]);
  const { pool, pin } = asking;
  const program = await connect({ socket: pool.socket });
  {
    using seat = new RawClient(pool.socket);
    await seat.say(pinEntry(''));
    using second = new RawClient(pool.socket);
    await second.say(pinEntry(''));
    assert.equal(await second.refusal(), poolErrorNumber('PINENTRY_NOT_VACANT'));
    const session = handedOver(program, pool, name);
    session.catch(() => undefined);
    await asked(seat);
    await second.say(pinEntry(''));
    assert.equal(await second.refusal(), poolErrorNumber('PINENTRY_NOT_VACANT'));
    seat[Symbol.dispose]();
    await assert.rejects(session, { code: 'stirred-not-shaken', message: /went away/ });
    await second.say(pinEntry(''));
    await second.say({ command: 'error', number: 125, text: 'enough' });
    const answer = await second.hear();
    assert.equal(answer?.message.command, 'success');
  }
  // Without anybody to ask, what needs a PIN waits for somebody.
  const session = handedOver(program, pool, name);
  using late = new RawClient(pool.socket);
  await late.say(pinEntry(''));
  await late.say(pinEntry(pin), { callbackId: (await asked(late)).callbackId });
  using done = await session;
  assert.equal(done.session.localId, name);
  program.close();
});
