import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatPkcs11Uri,
  matchPkcs11Uri,
  type Pkcs11Uri,
  Pkcs11UriError,
  parsePkcs11Uri,
  tokenPart,
} from '../../../src/core/token/uri.ts';

const text = (maximum: number) =>
  fc
    .string({ unit: 'grapheme', maxLength: maximum })
    .filter((value) => Buffer.byteLength(value) <= maximum && !value.includes('\0'));

const uris: fc.Arbitrary<Pkcs11Uri> = fc.record(
  {
    libraryManufacturer: text(32),
    libraryDescription: text(32),
    libraryVersion: fc.constantFrom('2', '2.40', '3.1'),
    model: text(16),
    manufacturer: text(32),
    serial: text(16),
    token: text(32),
    id: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    object: text(200),
    type: fc.constantFrom('private', 'public', 'cert', 'secret-key', 'data'),
  },
  { requiredKeys: [], noNullPrototype: true },
);

test('every URI that is formatted parses back to the same attributes', () => {
  fc.assert(
    fc.property(uris, (uri) => {
      assert.deepEqual(parsePkcs11Uri(formatPkcs11Uri(uri)), uri);
    }),
  );
});

test('formatted URIs hold only characters that no shell, configuration file or URI treats specially', () => {
  fc.assert(
    fc.property(uris, (uri) => {
      assert.match(formatPkcs11Uri(uri), /^pkcs11:[A-Za-z0-9\-._~%;=]*$/);
    }),
  );
});

test('arbitrary text parses, or is refused with an error of its own kind', () => {
  const noise = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `pkcs11:${rest}`),
    fc.string().map((rest) => `pkcs11:token=a;${rest}`),
  );
  fc.assert(
    fc.property(noise, (input) => {
      try {
        const uri = parsePkcs11Uri(input);
        assert.deepEqual(parsePkcs11Uri(formatPkcs11Uri(uri)), uri);
      } catch (error) {
        if (!(error instanceof Pkcs11UriError)) throw error;
      }
    }),
  );
});

test('a URI matches itself, whatever attributes it leaves out match anything', () => {
  fc.assert(
    fc.property(uris, (uri) => {
      assert.ok(matchPkcs11Uri(uri, uri));
      assert.ok(matchPkcs11Uri({}, uri));
      assert.ok(matchPkcs11Uri(tokenPart(uri), uri));
    }),
  );
});

test('one attribute that differs or is missing makes no match', () => {
  const web = parsePkcs11Uri('pkcs11:token=web;serial=1;id=%01%02;type=private');
  for (const other of [
    'pkcs11:token=Web',
    'pkcs11:serial=2',
    'pkcs11:id=%01',
    'pkcs11:id=%01%03',
    'pkcs11:type=cert',
    'pkcs11:object=',
    'pkcs11:token=web;model=x',
  ]) {
    assert.equal(matchPkcs11Uri(parsePkcs11Uri(other), web), false, other);
  }
});

test('the examples of RFC 7512 section 3 without slots, PINs and modules parse', () => {
  assert.deepEqual(parsePkcs11Uri('pkcs11:'), {});
  assert.deepEqual(
    parsePkcs11Uri(
      'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=',
    ),
    {
      token: 'The Software PKCS#11 Softtoken',
      manufacturer: 'Snake Oil, Inc.',
      model: '1.0',
      object: 'my-certificate',
      type: 'cert',
      id: Buffer.from('69953e5cf4bdec91', 'hex'),
      serial: '',
    },
  );
  assert.deepEqual(parsePkcs11Uri('pkcs11:token=A%20name%20with%20a%20substring%20%25%3B'), {
    token: 'A name with a substring %;',
  });
  assert.deepEqual(
    parsePkcs11Uri('pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1'),
    { token: 'Name with a small A with acute: á' },
  );
});

test('slots, modules and PIN sources are refused with the reason', () => {
  const reasons: [string, RegExp][] = [
    ['pkcs11:slot-id=327', /slots are never named/],
    ['pkcs11:token=a;slot-manufacturer=b', /slots are never named/],
    ['pkcs11:token=a?module-path=/tmp/evil.so', /configuration/],
    ['pkcs11:token=a?module-name=evil', /configuration/],
    ['pkcs11:token=a;module-path=%2Ftmp%2Fevil.so', /configuration/],
    ['pkcs11:token=a?pin-source=file:/etc/pin', /set for each token/],
    ['pkcs11:token=a?pin-source=|cat%20/etc/pin', /set for each token/],
    ['pkcs11:token=a?x=1', /not known/],
    ['pkcs11:token=a;x-vendor=1', /not known/],
  ];
  for (const [uri, reason] of reasons) {
    assert.throws(() => parsePkcs11Uri(uri), { code: 'bad-pkcs11-uri', message: reason }, uri);
  }
});

test('a PIN in a URI is refused and not repeated in the message', () => {
  for (const uri of ['pkcs11:token=a?pin-value=geheim', 'pkcs11:token=a;pin-value=geheim']) {
    assert.throws(
      () => parsePkcs11Uri(uri),
      (error: Pkcs11UriError) =>
        /never travels in a URI/.test(error.message) && !error.message.includes('geheim'),
    );
  }
});

test('bad syntax is refused', () => {
  for (const uri of [
    '',
    'token=a',
    'pkcs12:token=a',
    'pkcs11:token',
    'pkcs11:=a',
    'pkcs11:token=a;',
    'pkcs11:token=a;;object=b',
    'pkcs11:token=a;token=b',
    'pkcs11:token=a b',
    'pkcs11:token=a/b',
    'pkcs11:token=%4',
    'pkcs11:token=%zz',
    'pkcs11:token=%ff',
    'pkcs11:object=%00',
    'pkcs11:token=á',
    'pkcs11:type=key',
    'pkcs11:library-version=a',
  ]) {
    assert.throws(() => parsePkcs11Uri(uri), Pkcs11UriError, uri);
  }
});

test('the scheme is case-insensitive, attribute names are not', () => {
  assert.deepEqual(parsePkcs11Uri('PKCS11:token=a'), { token: 'a' });
  assert.throws(() => parsePkcs11Uri('pkcs11:Token=a'), Pkcs11UriError);
});
