import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, decodeHeader, encode } from '../../../src/core/protocol/codec.ts';
import { commandCodes } from '../../../src/core/protocol/command.ts';
import { MalformedMessage, MESSAGE_LENGTH } from '../../../src/core/protocol/fields.ts';
import type { Envelope, Message } from '../../../src/core/protocol/message.ts';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const i16 = fc.integer({ min: -0x8000, max: 0x7fff });
const i32 = fc.integer();

const text = (bytes: number) =>
  fc
    .string({ unit: 'binary', maxLength: bytes })
    .filter((value) => !value.includes('\0') && Buffer.byteLength(value) <= bytes);
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const pin = fc.uint8Array({ maxLength: 127, min: 1 }).map((array): Buffer => Buffer.from(array));

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ command: fc.constant('success' as const) }),
  fc.record({ command: fc.constant('error' as const), number: i32, text: text(127) }),
  fc.record({ command: fc.constant('ping' as const), identity: text(135), facilities: u32 }),
  fc.record({
    command: fc.constantFrom('starttls', 'starttlsLocalId', 'plaintextConnect'),
    flags: u32,
    local: u32,
    ipProtocol: u8,
    streamId: u16,
    localId: text(127),
    remoteId: text(127),
    ctlkey: bytes(16),
    service: text(16),
    timeout: u32,
  }),
  fc.record({
    command: fc.constant('pinEntry' as const),
    flags: u32,
    attempt: u32,
    timeout: u32,
    pin,
    prompt: text(127),
    tokenManufacturer: text(35),
    tokenModel: text(19),
    tokenSerial: text(19),
    tokenLabel: text(35),
  }),
  fc.record({
    command: fc.constant('prng' as const),
    labelLength: i16,
    contextLength: i16,
    length: i16,
    buffer: bytes(350),
  }),
  fc.record({
    command: fc.constant('info' as const),
    ctlkey: bytes(16),
    kind: u32,
    length: u16,
    buffer: bytes(334),
  }),
  fc.record({
    command: fc.constantFrom('detach', 'reattach', 'withdraw'),
    flags: u32,
    ctlkey: bytes(16),
    name: text(127),
  }),
  fc.record({
    command: fc.constantFrom('lidEntryRegister', 'lidEntryCallback'),
    flags: u32,
    maxLevels: u16,
    timeout: u32,
    localId: text(127),
    remoteId: text(127),
  }),
  fc.record({
    command: fc.constantFrom('starttlsOptions', 'starttlsDetails', 'program', 'clearText'),
    data: bytes(380),
  }),
  fc.record({
    command: fc.constant('unknown' as const),
    code: u32.filter((code) => !Object.values<number>(commandCodes).includes(code)),
  }),
);
/** As plain objects: fast-check's own have no prototype. */
const envelope: fc.Arbitrary<Envelope> = fc
  .tuple(u16, u16, message)
  .map(([requestId, callbackId, made]) => ({ requestId, callbackId, message: { ...made } }));

test('what is encoded decodes to the same', () => {
  fc.assert(
    fc.property(envelope, (original) => {
      const written = encode(original);
      assert.equal(written.length, MESSAGE_LENGTH);
      assert.deepEqual(decode(written), original);
    }),
    { numRuns: 2_000 },
  );
});

test('no byte of what was in memory before gets onto the wire', () => {
  fc.assert(
    fc.property(envelope, u8, (original, residue) => {
      const clean = encode(original, Buffer.alloc(MESSAGE_LENGTH));
      const dirty = encode(original, Buffer.alloc(MESSAGE_LENGTH, residue));
      assert.deepEqual(dirty, clean);
    }),
  );
});

test('what is decoded shares no memory with the message', () => {
  fc.assert(
    fc.property(envelope, (original) => {
      const written = encode(original);
      const read = decode(written);
      written.fill(0xaa);
      assert.deepEqual(read, original);
    }),
  );
});

test('garbage decodes or is refused as malformed, and its header is always readable', () => {
  const garbage = fc
    .tuple(bytes(MESSAGE_LENGTH), fc.constantFrom(...Object.values(commandCodes), 0x4711))
    .map(([noise, code]) => {
      noise.writeUInt32LE(code, 4);
      return noise;
    });
  let refused = 0;
  fc.assert(
    fc.property(garbage, (noise) => {
      const header = decodeHeader(noise);
      try {
        const { requestId, callbackId } = decode(noise);
        assert.deepEqual([requestId, callbackId], [header.requestId, header.callbackId]);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, String(error));
        refused += 1;
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(refused > 0, 'some of it must have been refused');
});

test('fields lie where the published header puts them', () => {
  const written = encode({
    requestId: 0x0102,
    callbackId: 0x0304,
    message: {
      command: 'starttls',
      flags: 0x0a0b0c0d,
      local: 1,
      ipProtocol: 6,
      streamId: 0x0506,
      localId: 'a@example.com',
      remoteId: 'example.org',
      ctlkey: Buffer.from('0123456789abcdef'),
      service: 'sixteen-bytes-it',
      timeout: 30_000,
    },
  });
  assert.equal(written.readUInt16LE(0), 0x0102);
  assert.equal(written.readUInt16LE(2), 0x0304);
  assert.equal(written.readUInt32LE(4), 0x24);
  assert.equal(written.readUInt32LE(8), 0x0a0b0c0d);
  assert.equal(written[8 + 8], 6);
  assert.equal(written[8 + 9], 0);
  assert.equal(written.readUInt16LE(8 + 10), 0x0506);
  assert.equal(written.toString('latin1', 8 + 12, 8 + 26), 'a@example.com\0');
  assert.equal(written.toString('latin1', 8 + 140, 8 + 152), 'example.org\0');
  assert.equal(written.toString('latin1', 8 + 268, 8 + 284), '0123456789abcdef');
  assert.equal(written.toString('latin1', 8 + 284, 8 + 300), 'sixteen-bytes-it');
  assert.equal(written.readUInt32LE(8 + 300), 30_000);
});

test('the 32-bit timeout of LIDENTRY is not aligned', () => {
  const written = encode({
    requestId: 1,
    callbackId: 0,
    message: {
      command: 'lidEntryRegister',
      flags: 0,
      maxLevels: 3,
      timeout: 60,
      localId: '',
      remoteId: '',
    },
  });
  assert.equal(written.readUInt16LE(8 + 4), 3);
  assert.equal(written.readUInt32LE(8 + 6), 60);
});

test('a name of 127 bytes fits, one of 128 does not', () => {
  const named = (localId: string): Envelope => ({
    requestId: 1,
    callbackId: 0,
    message: {
      command: 'lidEntryRegister',
      flags: 0,
      maxLevels: 0,
      timeout: 0,
      localId,
      remoteId: '',
    },
  });
  assert.doesNotThrow(() => encode(named('a'.repeat(127))));
  assert.throws(() => encode(named('a'.repeat(128))), MalformedMessage);
  assert.throws(() => encode(named('a\0b')), MalformedMessage);
});

test('text that fills its field without a NUL is refused, in whichever field', () => {
  const written = Buffer.alloc(MESSAGE_LENGTH);
  written.writeUInt32LE(commandCodes.starttls, 4);
  written.fill('a', 8 + 12, 8 + 140);
  assert.throws(() => decode(written), /localid is not ended by a NUL/);
});

test('text that is not UTF-8 is refused, a replacement character is not', () => {
  const written = Buffer.alloc(MESSAGE_LENGTH);
  written.writeUInt32LE(commandCodes.starttls, 4);
  written[8 + 140] = 0xff;
  assert.throws(() => decode(written), /remoteid is not UTF-8/);
  written.write('\ufffd', 8 + 140);
  assert.equal((decode(written).message as { remoteId: string }).remoteId, '\ufffd');
});

test('a long error text is cut at a whole character', () => {
  const written = encode({
    requestId: 1,
    callbackId: 0,
    message: { command: 'error', number: 13, text: 'ü'.repeat(100) },
  });
  assert.deepEqual(decode(written).message, {
    command: 'error',
    number: 13,
    text: 'ü'.repeat(63),
  });
});
