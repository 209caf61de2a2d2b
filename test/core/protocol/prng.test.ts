import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedMessage } from '../../../src/core/protocol/fields.ts';
import {
  readPrngAnswer,
  readPrngRequest,
  writePrngAnswer,
  writePrngRequest,
} from '../../../src/core/protocol/prng.ts';

const ctlkey = Buffer.from('0123456789abcdef');

test('a request reads as it was written; no context differs from an empty one', () => {
  for (const context of [undefined, Buffer.alloc(0), Buffer.from('context')]) {
    const request = { ctlkey, label: 'EXPERIMENTAL x', context, length: 32 };
    assert.deepEqual(readPrngRequest(writePrngRequest(request)), request);
  }
});

test('lengths that cannot be are refused, whatever they are', () => {
  const i16 = fc.integer({ min: -0x8000, max: 0x7fff });
  fc.assert(
    fc.property(i16, i16, i16, (labelLength, contextLength, length) => {
      const message = {
        command: 'prng' as const,
        labelLength,
        contextLength,
        length,
        buffer: Buffer.alloc(350),
      };
      try {
        const { label, context } = readPrngRequest(message);
        assert.ok(16 + label.length + (context?.length ?? 0) <= 350);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage);
      }
    }),
  );
  const long = { ctlkey, label: 'x'.repeat(200), context: Buffer.alloc(200), length: 1 };
  assert.throws(() => writePrngRequest(long), MalformedMessage);
});

test('the answer holds the bytes and nothing else', () => {
  const material = Buffer.from('material');
  const answer = writePrngAnswer(material);
  assert.deepEqual(readPrngAnswer(answer), material);
  assert.ok(answer.buffer.subarray(material.length).every((byte) => byte === 0));
  assert.throws(() => readPrngAnswer({ ...answer, length: 351 }), MalformedMessage);
});
