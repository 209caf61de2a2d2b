import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readCertificates } from '../../../src/core/identity/certificate-file.ts';
import { formatPem, formatPemCertificates, parsePem } from '../../../src/core/identity/pem.ts';
import { make, makeRoot } from '../trust/made-certificates.ts';

const one = make({}).certificate;
const two = makeRoot().certificate;

test('certificates come in the order of the file, whatever stands between them', () => {
  const text = `Bag Attributes\n  name: x\n${formatPem('CERTIFICATE', one)}subject=CN = y\r\n${formatPem('CERTIFICATE', two).replaceAll('\n', '\r\n')}`;
  assert.deepEqual(readCertificates(Buffer.from(text)), [one, two]);
});

test('one certificate in DER is a file too', () => {
  assert.deepEqual(readCertificates(one), [one]);
});

test('OpenSSL wrote the older label once', () => {
  assert.deepEqual(readCertificates(Buffer.from(formatPem('X509 CERTIFICATE', one))), [one]);
});

test('private keys are refused, encrypted ones too', () => {
  for (const label of [
    'PRIVATE KEY',
    'EC PRIVATE KEY',
    'RSA PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ]) {
    const text = formatPemCertificates([one]) + formatPem(label, Buffer.of(1, 2, 3));
    assert.throws(() => readCertificates(Buffer.from(text)), { code: 'key-in-clear' });
  }
});

test('a file without a certificate is refused', () => {
  for (const text of ['', 'garbage', formatPem('CERTIFICATE REQUEST', Buffer.of(1))]) {
    assert.throws(() => readCertificates(Buffer.from(text)), { code: 'no-certificate' });
  }
});

test('what is not Base64 is refused, and so is a block without an end', () => {
  const broken = formatPem('CERTIFICATE', one).replace(/\n(.)/, '\n*');
  assert.throws(() => readCertificates(Buffer.from(broken)), { code: 'bad-pem' });
  const cut = formatPem('CERTIFICATE', one).slice(0, 200);
  assert.throws(() => readCertificates(Buffer.from(cut)), { code: 'bad-pem' });
  const mixed = formatPem('CERTIFICATE', one).replace('END CERTIFICATE', 'END PUBLIC KEY');
  assert.throws(() => readCertificates(Buffer.from(mixed)), { code: 'bad-pem' });
});

test('any bytes survive being written and read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const der = Buffer.from(bytes);
      assert.deepEqual(parsePem(formatPem('TEST', der)), [{ label: 'TEST', der }]);
    }),
  );
});
