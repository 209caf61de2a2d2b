import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MESSAGE_LENGTH } from '../../../src/core/protocol/fields.ts';
import { Reassembly } from '../../../src/core/protocol/reassembly.ts';

/** Feeds a stream in pieces of the given sizes, as reads within one message bring it. */
function feed(
  reassembly: Reassembly,
  stream: Buffer,
  pieces: readonly number[],
  fdsAt: Set<number>,
) {
  const messages: { bytes: Buffer; fds: readonly number[] }[] = [];
  let position = 0;
  for (let turn = 0; position < stream.length; turn += 1) {
    const wanted = pieces[turn % pieces.length] ?? 1;
    const room = MESSAGE_LENGTH - reassembly.filled;
    const length = Math.min(wanted, room, stream.length - position);
    stream.copy(reassembly.frame, reassembly.filled, position, position + length);
    const fds = [...fdsAt].filter((at) => at >= position && at < position + length);
    position += length;
    if (reassembly.add(length, fds, false)) {
      const bytes = Buffer.from(reassembly.frame);
      messages.push({ bytes, fds: reassembly.take().fds });
    }
  }
  return messages;
}

test('messages come out whole, with their own descriptors, however they were split', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 8 });
  const bearers = fc.uniqueArray(fc.nat(4));
  fc.assert(
    fc.property(pieces, bearers, (sizes, withFd) => {
      const stream = Buffer.alloc(5 * MESSAGE_LENGTH);
      for (let index = 0; index < 5; index += 1) {
        stream.fill(index + 1, index * MESSAGE_LENGTH, (index + 1) * MESSAGE_LENGTH);
      }
      // A descriptor is named by the position of the byte that brings it: the first of its message.
      const fds = new Set(withFd.map((index) => index * MESSAGE_LENGTH));
      const messages = feed(new Reassembly(), stream, sizes, fds);
      assert.equal(messages.length, 5);
      for (const [index, message] of messages.entries()) {
        assert.ok(message.bytes.every((byte) => byte === index + 1));
        assert.deepEqual(message.fds, withFd.includes(index) ? [index * MESSAGE_LENGTH] : []);
      }
    }),
  );
});

test('the descriptors of an unfinished message can be taken, to be closed', () => {
  const reassembly = new Reassembly();
  assert.equal(reassembly.add(10, [7], false), false);
  assert.equal(reassembly.add(10, [8], true), false);
  assert.deepEqual(reassembly.take(), { fds: [7, 8], truncated: true });
  assert.deepEqual(reassembly.take(), { fds: [], truncated: false });
  assert.equal(reassembly.filled, 0);
});
