import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { children, DerError, readElement, readElements } from '../../../src/core/trust/der.ts';
import { der, sequence } from './made-certificates.ts';

test('elements of any length are read back', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535]) {
    const content = Buffer.alloc(length, 7);
    const { tag, content: read, encoded } = readElement(der(0x04, content));
    assert.equal(tag, 0x04);
    assert.deepEqual(read, content);
    assert.deepEqual(encoded, der(0x04, content));
  }
});

test('nested elements are read in order', () => {
  const [first, second] = children(readElement(sequence(der(0x02, Buffer.of(1)), der(0x05))));
  assert.deepEqual(first?.content, Buffer.of(1));
  assert.equal(second?.tag, 0x05);
});

const refused: Record<string, string> = {
  'nothing at all': '',
  'a tag without a length': '30',
  'an indefinite length': '3080040101ff0000',
  'a length in two bytes that fits in one': '04810101',
  'a length with a leading zero': `048200${'80'}${'00'.repeat(128)}`,
  'more content than there is': '0405aabb',
  'a length of five bytes': '04850000000001aa',
  'a length beyond what memory holds': '0484ffffffff00',
  'a tag of several bytes': '1f8101 0100'.replaceAll(' ', ''),
  'something after the end': '0401aa00',
};
for (const [what, hex] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    assert.throws(() => readElement(Buffer.from(hex, 'hex')), DerError);
  });
}

test('the wrong tag is refused', () => {
  assert.throws(() => children(readElement(der(0x04))), DerError);
  assert.throws(() => children(undefined), DerError);
});

test('any bytes are read completely or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const input = Buffer.from(bytes);
      try {
        const elements = readElements(input);
        assert.deepEqual(Buffer.concat(elements.map(({ encoded }) => encoded)), input);
        for (const { tag, content, encoded } of elements) {
          assert.deepEqual(der(tag, content), encoded);
        }
      } catch (error) {
        assert.ok(error instanceof DerError);
      }
    }),
    { numRuns: 5_000 },
  );
});
