import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { commonNameOf } from '../../../src/core/session/common-name.ts';

/** A certificate as far as that is looked at: version, number, algorithm, issuer, validity, subject. */
function certificate(subject: Buffer): Buffer {
  const nothing = der(0x30, Buffer.alloc(0));
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const number = der(0x02, Buffer.from([1]));
  const parts = [version, number, nothing, nothing, nothing, subject, nothing];
  return der(0x30, der(0x30, ...parts), nothing, nothing);
}

function name(...attributes: readonly (readonly [type: string, tag: number, value: string])[]) {
  const sets = attributes.map(([type, tag, value]) =>
    der(0x31, der(0x30, der(0x06, Buffer.from(type, 'hex')), der(tag, Buffer.from(value)))),
  );
  return der(0x30, ...sets);
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length: size } = content;
  const length = size < 128 ? [size] : [0x81, size];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const cn = '550403';
const organisation = '55040a';

test('the last common name of the subject is told', () => {
  const subject = name([cn, 0x0c, 'Jöhn'], [organisation, 0x13, 'Example'], [cn, 0x13, 'John']);
  assert.equal(commonNameOf(certificate(subject)), 'John');
  assert.equal(commonNameOf(certificate(name([cn, 0x0c, 'Jöhn']))), 'Jöhn');
});

test('no common name, or one that cannot be shown, is none', () => {
  for (const subject of [
    name(),
    name([organisation, 0x13, 'Example']),
    name([cn, 0x0c, 'a\nb']),
    name([cn, 0x0c, 'a\0b']),
    name([cn, 0x1e, 'John']),
    name([cn, 0x0c, 'x'.repeat(65)]),
  ]) {
    assert.equal(commonNameOf(certificate(subject)), '');
  }
});

test('of what is no certificate there is none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(typeof commonNameOf(Buffer.from(bytes)), 'string');
    }),
  );
});
