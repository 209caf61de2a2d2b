import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { readDatagramHello, showsCookie } from '../../../src/core/dtls/client-hello.ts';
import { firstHello, type HelloParts, madeHello, secondHello } from './made-hello.ts';

function bytes(minLength: number, maxLength: number) {
  return fc.uint8Array({ minLength, maxLength }).map((some) => Buffer.from(some));
}

const hellos: fc.Arbitrary<HelloParts> = fc.record({
  version: fc.constantFrom(0xfeff, 0xfefd, 0xfefc),
  random: bytes(32, 32),
  sessionId: bytes(0, 32),
  cookie: bytes(0, 255),
  suites: bytes(0, 200),
  compression: bytes(0, 10),
  extensions: bytes(0, 400),
  sequence: fc.maxSafeNat().map((number) => number % 2 ** 48),
  message: fc.constantFrom(0, 1),
});

test('a hello is read as it was made', () => {
  fc.assert(
    fc.property(hellos, (parts) => {
      const hello = readDatagramHello(madeHello(parts)) ?? assert.fail('it was not read');
      assert.equal(hello.recordSequence.readUIntBE(0, 6), parts.sequence);
      assert.equal(hello.messageSequence, parts.message);
      assert.deepEqual(hello.cookie, parts.cookie);
      assert.equal(showsCookie(hello), parts.message === 1 && parts.cookie.length > 0);
    }),
  );
});

test('what both hellos of a client say the same is read the same, whatever else differs', () => {
  fc.assert(
    fc.property(hellos, bytes(0, 255), bytes(0, 400), (parts, cookie, extensions) => {
      const other = { ...parts, cookie, extensions, sequence: 7, message: 1 };
      assert.deepEqual(
        readDatagramHello(madeHello(other))?.parameters,
        readDatagramHello(madeHello(parts))?.parameters,
      );
    }),
  );
});

test('hellos that differ in a parameter are never the same bytes, one after the other', () => {
  const joined = (parts: HelloParts) =>
    Buffer.concat(readDatagramHello(madeHello(parts))?.parameters ?? assert.fail());
  const named = ({ version, random, sessionId, suites, compression }: HelloParts) => [
    version,
    random,
    sessionId,
    suites,
    compression,
  ];
  fc.assert(
    fc.property(hellos, hellos, (one, other) => {
      assert.equal(joined(one).equals(joined(other)), isDeepStrictEqual(named(one), named(other)));
    }),
  );
  const moved = firstHello();
  const [first, second] = [
    { ...moved, sessionId: Buffer.of(1, 2), suites: Buffer.of(3, 4) },
    { ...moved, sessionId: Buffer.of(1, 2, 0, 2, 3, 4), suites: Buffer.of() },
  ];
  assert.ok(!joined(first).equals(joined(second)));
});

test('of a divided hello the first part is enough, if the compression methods are in it', () => {
  fc.assert(
    fc.property(hellos, fc.nat({ max: 1_000 }), (parts, most) => {
      const { sessionId, cookie, suites, compression } = parts;
      const variable = sessionId.length + cookie.length + suites.length + compression.length;
      const needed = 2 + 32 + 1 + 1 + 2 + 1 + variable;
      const hello = readDatagramHello(madeHello(parts, most));
      assert.equal(hello !== undefined, most >= needed);
    }),
  );
});

test('what is cut off, or has something after it, is none', () => {
  fc.assert(
    fc.property(hellos, fc.nat(), bytes(1, 100), (parts, at, more) => {
      const whole = madeHello(parts);
      assert.equal(readDatagramHello(whole.subarray(0, at % whole.length)), undefined);
      assert.equal(readDatagramHello(Buffer.concat([whole, more])), undefined);
      assert.equal(readDatagramHello(Buffer.concat([whole, whole])), undefined);
    }),
  );
});

test('other datagrams are none', () => {
  const changed = (at: number, value: number) => {
    const datagram = madeHello(secondHello(firstHello(), Buffer.alloc(32)));
    datagram[at] = value;
    return datagram;
  };
  const others = {
    data: changed(0, 23),
    TLS: changed(1, 3),
    protected: changed(4, 1),
    'another length of the record': changed(12, 1),
    'a ServerHello': changed(13, 2),
    'a third message': changed(18, 2),
    'a later fragment': changed(21, 1),
    'another length of the fragment': changed(24, 1),
    'a fragment that is longer than its message': changed(16, 1),
    text: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    nothing: Buffer.alloc(0),
  };
  for (const [name, datagram] of Object.entries(others)) {
    assert.equal(readDatagramHello(datagram), undefined, name);
  }
});

test('garbage is read or is none, and nothing is read from beyond it', () => {
  fc.assert(
    fc.property(bytes(0, 300), (noise) => {
      const hello = readDatagramHello(noise);
      if (hello) assert.ok(hello.cookie.length <= 255);
    }),
  );
  fc.assert(
    fc.property(hellos, fc.nat(), fc.nat({ max: 255 }), (parts, at, value) => {
      const datagram = madeHello(parts);
      datagram[at % datagram.length] = value;
      const hello = readDatagramHello(datagram);
      if (!hello) return;
      const [start, end] = hello.parameters;
      assert.ok(start.length + 1 + hello.cookie.length + end.length <= datagram.length - 25);
    }),
  );
});
