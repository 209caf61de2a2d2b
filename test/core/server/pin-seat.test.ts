import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PinEntry } from '../../../src/core/protocol/message.ts';
import { type PinKeeper, PinSeat } from '../../../src/core/server/pin-seat.ts';
import type { Log } from '../../../src/core/telemetry/log.ts';
import { TokenError } from '../../../src/core/token/failure.ts';
import { FakeProgram } from './fake-program.ts';

const token = 'pkcs11:token=card';
const log = { info: () => {}, error: () => {} } as unknown as Log;

/** One token, whose PIN is `right`. */
class FakeKeeper extends EventEmitter {
  readonly tried: string[] = [];
  readonly givenUp: string[] = [];

  async enter(_token: string, pin: Buffer): Promise<void> {
    const text = pin.toString();
    this.tried.push(text);
    await turn();
    if (text !== 'right') throw new TokenError('wrong-pin', 'the PIN is wrong');
  }

  giveUp(_token: string, why: string): void {
    this.givenUp.push(why);
  }

  waiters(): number[] {
    return [];
  }

  describe() {
    const names = { label: 'card', manufacturer: '', model: '', serial: '' };
    return { uri: token, state: 'needs-pin', pinState: undefined, ...names };
  }

  named(): string {
    return token;
  }
}

function pinEntry(pin = ''): PinEntry {
  const names = { tokenManufacturer: '', tokenModel: '', tokenSerial: '', tokenLabel: '' };
  const command = 'pinEntry' as const;
  return { command, flags: 0, attempt: 0, timeout: 0, pin: Buffer.from(pin), prompt: '', ...names };
}

async function asking() {
  const keeper = new FakeKeeper();
  const seat = new PinSeat(keeper as unknown as PinKeeper, () => [], log);
  const program = new FakeProgram<PinEntry>();
  seat.offer(program, 1, pinEntry());
  keeper.emit('needs-pin', token);
  await turn();
  assert.equal(program.called.length, 1);
  return { keeper, seat, program };
}

test('a program that answers with an error withdraws, and nobody waits for a PIN any more', async () => {
  const { keeper, seat, program } = await asking();
  await program.answer({ command: 'error', number: 125, text: '' });
  assert.deepEqual(program.told, [{ command: 'success' }]);
  assert.deepEqual(keeper.givenUp, ['seat-lost']);
  assert.deepEqual(seat.view(), []);
  assert.equal(seat.holder, undefined);
});

test('a program that answers with something else loses the seat, and nobody waits for a PIN any more', async () => {
  const { keeper, program } = await asking();
  await program.answer({ command: 'success' });
  assert.match(String(program.told[0]), /expected the answer pinEntry/);
  assert.deepEqual(keeper.givenUp, ['seat-lost']);
});

test('a program whose connection ends leaves nobody waiting', async () => {
  const { keeper, seat, program } = await asking();
  seat.disconnected(program);
  assert.deepEqual(keeper.givenUp, ['seat-lost']);
});

test('a PIN that is wrong is asked for again, and given up after three; none is tried twice', async () => {
  const { keeper, program } = await asking();
  for (const pin of ['one', 'two', 'three']) await program.answer(pinEntry(pin));
  assert.deepEqual(keeper.tried, ['one', 'two', 'three']);
  assert.deepEqual(
    program.called.map(({ attempt }) => attempt),
    [0, 1, 2],
  );
  assert.deepEqual(keeper.givenUp, ['wrong-pin']);
});

test('a PIN that is declined is given up at once; what needs it later is asked for anew', async () => {
  const { keeper, seat, program } = await asking();
  await program.answer(pinEntry());
  assert.deepEqual(keeper.givenUp, ['declined']);
  keeper.emit('needs-pin', token);
  await turn();
  const pin = pinEntry('right');
  await program.answer(pin);
  assert.deepEqual(keeper.tried, ['right']);
  assert.deepEqual(pin.pin, Buffer.alloc(5), 'the PIN is wiped');
  assert.deepEqual(seat.view(), []);
});

test('an offer with a PIN in it is refused, and the PIN wiped', async () => {
  const { seat } = await asking();
  const offer = pinEntry('1234');
  assert.throws(() => seat.offer(new FakeProgram<PinEntry>(), 2, offer), { code: 'EINVAL' });
  assert.deepEqual(offer.pin, Buffer.alloc(4));
});

test('a second program takes the seat only once the first is overdue, which is told so', async () => {
  const keeper = new FakeKeeper();
  const seat = new PinSeat(keeper as unknown as PinKeeper, () => [], log);
  const [first, second] = [new FakeProgram<PinEntry>(), new FakeProgram<PinEntry>()];
  // µs: overdue as soon as it was asked.
  seat.offer(first, 1, { ...pinEntry(), timeout: 1 });
  assert.throws(() => seat.offer(second, 1, pinEntry()), { code: 'pinentry-not-vacant' });
  keeper.emit('needs-pin', token);
  await turn();
  seat.offer(second, 2, pinEntry());
  await turn();
  assert.match(String(first.told[0]), /another program took the seat/);
  assert.equal(second.called.length, 1, 'the second is asked instead');
  assert.deepEqual(keeper.givenUp, []);
  // What the first says now goes nowhere.
  await first.answer(pinEntry('late'));
  assert.deepEqual(keeper.tried, []);
});
