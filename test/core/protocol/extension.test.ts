import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  noOptions,
  readDetails,
  readOptions,
  writeDetails,
  writeOptions,
} from '../../../src/core/protocol/extension.ts';
import { MalformedMessage } from '../../../src/core/protocol/fields.ts';

const text = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((value) => Buffer.byteLength(value) <= 255);

test('options read as they were written, over as many messages as they take', () => {
  const options = fc.tuple(fc.array(text), fc.array(text), fc.option(text, { nil: undefined }));
  let several = 0;
  fc.assert(
    fc.property(options, ([localIds, alpn, clientAddress]) => {
      const messages = writeOptions({ localIds, alpn, clientAddress });
      if (messages.length > 1) several += 1;
      const read = readOptions(messages.map(({ data }) => data));
      assert.deepEqual(read, { localIds, alpn, clientAddress });
    }),
  );
  assert.ok(several > 0);
});

test('no options are one empty message: the details are still asked for', () => {
  const [only, ...others] = writeOptions(noOptions);
  assert.ok(only?.data.every((byte) => byte === 0));
  assert.deepEqual(others, []);
});

test('details read as they were written', () => {
  fc.assert(
    fc.property(
      fc.tuple(text, text, text, fc.boolean(), fc.array(text.filter((name) => name !== ''))),
      ([version, cipher, decision, resumed, groups]) => {
        const agreed = { version, cipher, group: 'X25519', alpn: '', serverName: 'a.example' };
        const details = { ...agreed, resumed, decision, groups };
        assert.deepEqual(readDetails(writeDetails(details).map(({ data }) => data)), details);
      },
    ),
  );
});

test('garbage is read or refused as malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 380, maxLength: 380 }), (noise) => {
      try {
        readOptions([Buffer.from(noise)]);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage);
      }
    }),
  );
});

test('an option that is not known is refused, an unknown detail left out', () => {
  const data = Buffer.alloc(380);
  data[0] = 99;
  assert.throws(() => readOptions([data]), /option 99/);
  assert.equal(readDetails([data]).version, '');
});

test('a value of more than 255 bytes is refused', () => {
  assert.throws(() => writeOptions({ ...noOptions, alpn: ['x'.repeat(256)] }), MalformedMessage);
});
