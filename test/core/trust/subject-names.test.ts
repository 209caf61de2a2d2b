import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { DerError } from '../../../src/core/trust/der.ts';
import {
  provesDomain,
  provesDonai,
  type SubjectNames,
  subjectNames,
} from '../../../src/core/trust/subject-names.ts';
import {
  dns,
  ip,
  mail,
  make,
  principal,
  type Shape,
  smtpUtf8,
  subjectAltName,
  uri,
} from './made-certificates.ts';

const read = (shape: Shape) => subjectNames(make(shape).certificate);
const readNames = (...names: Buffer[]) => read({ names });

function listed({ users, domains, wildcards }: SubjectNames): string[] {
  return [...users.map(formatDonai), ...domains.map(formatDonai), ...wildcards];
}

const proves = (names: SubjectNames, id: string) => provesDonai(names, parseDonai(id));

test('names are read from the SubjectAltName, each of its kind', () => {
  const names = readNames(
    dns('WWW.Example.com'),
    mail('John@Example.com'),
    dns('*.example.net'),
    smtpUtf8('jürgen@xn--bcher-kva.example'),
    uri('https://uri.example.com/'),
    ip(192, 0, 2, 1),
    principal('admin@example.com'),
  );
  assert.deepEqual(names.domains.map(formatDonai), ['www.example.com']);
  assert.deepEqual(names.users.map(formatDonai), [
    'john@example.com',
    'jürgen@xn--bcher-kva.example',
  ]);
  assert.deepEqual(names.wildcards, ['.example.net']);
  assert.deepEqual(names.refused, []);
});

test('a common name is no name', () => {
  const names = read({ commonName: 'www.example.com' });
  assert.deepEqual(listed(names), []);
  assert.ok(!proves(names, 'www.example.com'));
});

test('a common name is no name beside others either', () => {
  const names = read({ commonName: 'www.example.com', names: [dns('other.example.com')] });
  assert.ok(!proves(names, 'www.example.com'));
});

test('a NUL anywhere in a name condemns the certificate', () => {
  const made = [
    dns('www.example.com\0.evil.example'),
    dns('\0'),
    mail('john@example.com\0.evil.example'),
    mail('john\0@example.com'),
    smtpUtf8('jürgen@example.com\0'),
  ];
  for (const name of made) {
    assert.throws(() => readNames(dns('good.example.com'), name), DerError);
  }
});

const refused: Record<string, Buffer> = {
  'an underscore': dns('_dmarc.example.com'),
  'a percent-encoded name': dns('%65xample.com'),
  'an IPv4 address as a dNSName': dns('192.0.2.1'),
  'an IPv6 address as a dNSName': dns('2001:db8::1'),
  'a trailing dot': dns('example.com.'),
  'an empty dNSName': dns(''),
  'a dNSName without end': dns('www.'.repeat(15_000)),
  'a bare star': dns('*'),
  'a wildcard for every domain of a top level': dns('*.com'),
  'a wildcard in the second label': dns('www.*.example.com'),
  'two wildcards': dns('*.*.example.com'),
  'a wildcard that is part of a label': dns('w*.example.com'),
  'a wildcard without a dot': dns('*example.com'),
  'a space': dns('www.example.com '),
  'a line end': dns('www.example.com\n'),
  'a URL': dns('https://www.example.com/'),
  'the Kelvin sign in a dNSName': dns('\u212aelvin.example.com'),
  'UTF-8 in a dNSName': dns('bücher.example'),
  'Latin-1 in a dNSName': dns(Buffer.from('bücher.example', 'latin1')),
  'Punycode that decodes to nothing': dns('xn--a.example.com'),
  'a mailbox without a domain': mail('john'),
  'a mailbox without a user': mail('@example.com'),
  'a mailbox at an address': mail('john@[192.0.2.1]'),
  'a mailbox with a wildcard domain': mail('john@*.example.com'),
  'a mailbox with a display name': mail('John <john@example.com>'),
  'a quoted mailbox': mail('"john@evil.example"@example.com'),
  'a percent-encoded domain in a mailbox': mail('john@%65xample.com'),
  'UTF-8 in an rfc822Name': mail('jürgen@example.com'),
  'the Kelvin sign in an SmtpUTF8Mailbox': smtpUtf8('\u212aelvin@example.com'),
  'an SmtpUTF8Mailbox that is not in normal form C': smtpUtf8('ju\u0308rgen@example.com'),
  'an SmtpUTF8Mailbox with a domain in Unicode': smtpUtf8('jürgen@bücher.example'),
  'an SmtpUTF8Mailbox that is not UTF-8': smtpUtf8(Buffer.from('j\xfcrgen@example.com', 'latin1')),
  'a right-to-left override': smtpUtf8('nh\u202eoj@example.com'),
};
for (const [what, name] of Object.entries(refused)) {
  test(`${what} is no name, and takes nothing from the others`, () => {
    const names = readNames(name, dns('good.example.com'));
    assert.deepEqual(listed(names), ['good.example.com']);
    assert.equal(names.refused.length, 1);
  });
}

test('a thousand names are read, and more condemn the certificate', () => {
  const names = Array.from({ length: 1000 }, (_, n) => dns(`host-${n}.example.com`));
  assert.equal(readNames(...names).domains.length, 1000);
  assert.throws(() => readNames(...names, dns('www.example.com')), DerError);
});

test('a wildcard stands for exactly one label', () => {
  const names = readNames(dns('*.example.com'));
  assert.ok(proves(names, 'www.example.com'));
  assert.ok(proves(names, 'xn--bcher-kva.example.com'));
  assert.ok(!proves(names, 'example.com'));
  assert.ok(!proves(names, 'a.b.example.com'));
  assert.ok(!proves(names, 'wwwexample.com'));
});

test('a mailbox proves its user, and no domain', () => {
  const names = readNames(mail('john@example.com'));
  assert.ok(proves(names, 'john@example.com'));
  assert.ok(!proves(names, 'example.com'));
  assert.ok(!proves(names, 'mary@example.com'));
  assert.ok(!proves(names, 'john@www.example.com'));
});

test('a domain proves no user by itself', () => {
  const names = readNames(dns('example.com'));
  assert.ok(!proves(names, 'john@example.com'));
  assert.ok(provesDomain(names, 'example.com'));
});

test('an IP address proves nothing, whatever it looks like', () => {
  const names = readNames(ip(0x61, 0x2e, 0x62, 0x63), ip(192, 0, 2, 1));
  assert.deepEqual(listed(names), []);
});

test('two SubjectAltNames condemn the certificate', () => {
  const names = [dns('a.example.com')];
  const extensions = [subjectAltName([dns('b.example.com')])];
  assert.throws(() => read({ names, extensions }), DerError);
});

test('broken DER inside the SubjectAltName condemns the certificate', () => {
  assert.throws(() => readNames(Buffer.from('8281076578616d706c65', 'hex')), DerError);
  assert.throws(() => readNames(Buffer.from('a00a06082b06010505070809', 'hex')), DerError);
});

test('what is no certificate is refused', () => {
  for (const text of ['', 'hello', '3000', '308']) {
    assert.throws(() => subjectNames(Buffer.from(text)), DerError);
  }
});

test('no change of a byte yields a name that is not canonical', () => {
  const { certificate } = make({ names: [dns('www.example.com'), mail('john@example.com')] });
  const at = certificate.indexOf('www.example.com');
  fc.assert(
    fc.property(
      fc.integer({ min: -4, max: 40 }),
      fc.integer({ min: 0, max: 255 }),
      (offset, byte) => {
        const changed = Buffer.from(certificate);
        changed[at + offset] = byte;
        try {
          const { users, domains } = subjectNames(changed);
          for (const name of [...users, ...domains]) {
            assert.equal(formatDonai(parseDonai(formatDonai(name))), formatDonai(name));
          }
        } catch (error) {
          assert.ok(error instanceof DerError);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test('the made certificates are real: OpenSSL reads the same names', () => {
  const { certificate } = make({ names: [dns('www.example.com'), mail('john@example.com')] });
  const { subjectAltName: text } = new X509Certificate(certificate);
  assert.equal(text, 'DNS:www.example.com, email:john@example.com');
});
