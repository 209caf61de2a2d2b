import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  noOptions,
  type ProgramQuestion,
  readClearTextQuestion,
  readDetails,
  readOptions,
  readProgramQuestion,
  writeClearTextQuestion,
  writeDetails,
  writeOptions,
  writeProgramQuestion,
} from '../../../src/core/protocol/extension.ts';
import { MalformedMessage } from '../../../src/core/protocol/fields.ts';

const text = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((value) => Buffer.byteLength(value) <= 255);

test('options read as they were written, over as many messages as they take', () => {
  const processes = fc
    .record({ pid: fc.integer({ min: 1, max: 2 ** 31 }), started: fc.nat() })
    .map((one) => ({ ...one }));
  const options = fc.tuple(
    fc.array(text),
    fc.array(text),
    fc.option(text, { nil: undefined }),
    fc.option(processes, { nil: undefined }),
    fc.option(
      text.filter((scope) => scope !== ''),
      { nil: undefined },
    ),
    fc.option(
      fc.uint8Array({ maxLength: 1_500 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
  );
  let several = 0;
  fc.assert(
    fc.property(options, ([localIds, alpn, clientAddress, process, resumptionScope, hello]) => {
      const written = { localIds, alpn, clientAddress, process, resumptionScope, hello };
      const messages = writeOptions(written);
      if (messages.length > 1) several += 1;
      const read = readOptions(messages.map(({ data }) => data));
      assert.deepEqual(read, written);
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
        const commonName = decision.slice(0, 64);
        const details = { ...agreed, resumed, decision, commonName, groups };
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

test('a question about clear text reads as it was written', () => {
  const process = { pid: 7, started: 123 };
  const localIds = ['a.example', '.example'];
  for (const question of [
    { localIds, service: 'smtp', clientAddress: '192.0.2.1:4711', process },
    { localIds: [], service: '', clientAddress: '', process: undefined },
  ]) {
    assert.deepEqual(readClearTextQuestion(writeClearTextQuestion(question)), question);
  }
  const many = Array.from({ length: 60 }, () => 'www.example.com');
  const tooMany = { localIds: many, service: '', clientAddress: '', process };
  assert.throws(() => writeClearTextQuestion(tooMany), MalformedMessage);
  const unknown = Buffer.alloc(380);
  unknown[0] = 99;
  assert.throws(() => readClearTextQuestion({ command: 'clearText', data: unknown }), /entry 99/);
});

test('a question about a program reads as it was written', () => {
  const question = { process: { pid: 7, started: 123 }, role: 'server', localIds: ['a.example'] };
  const read = readProgramQuestion(writeProgramQuestion(question as ProgramQuestion));
  assert.deepEqual(read, question);
  const many = { ...question, localIds: Array.from({ length: 60 }, () => 'www.example.com') };
  assert.throws(() => writeProgramQuestion(many as ProgramQuestion), MalformedMessage);
});
