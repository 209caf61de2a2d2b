import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { exportAnchors, listAuthorities } from '../../../src/core/authority/authorities.ts';
import { issueLeaf, makeCsr, selfSign } from '../../../src/core/authority/issue.ts';
import { type KeyType, keyTypes } from '../../../src/core/token/key-types.ts';
import { generateKeyPair } from '../../../src/core/token/keys.ts';
import type { TokenSession } from '../../../src/core/token/token-session.ts';
import { subjectNames } from '../../../src/core/trust/subject-names.ts';
import { type LocalCa, localCa } from './authority-fixture.ts';

let ca: LocalCa;
before(async () => {
  ca = await localCa();
});
after(() => ca[Symbol.asyncDispose]());

const DAY = 86_400_000;

async function subject(session: TokenSession, id: string, keyType: KeyType = 'ec-p256') {
  const { uri, publicKey } = await generateKeyPair(session, keyType, id);
  return { id, role: 'server', keyType, keyUri: uri, publicKey } as const;
}

function pem(certificate: Buffer | undefined): string {
  return new X509Certificate(certificate ?? '').toString();
}

test('the roots are CAs that may sign certificates and nothing else, for ten years', async () => {
  const authorities = await listAuthorities(ca.store);
  assert.deepEqual(
    authorities.map(({ kind }) => kind),
    ['ec', 'rsa'],
  );
  for (const { kind, certificate } of authorities) {
    const file = ca.file(`${kind}.pem`, pem(certificate));
    const text = ca.openssl('x509', '-in', file, '-noout', '-text');
    assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(text, /Subject Key Identifier/);
    assert.match(
      text,
      new RegExp(`Subject: CN = tlspool local CA ${kind.toUpperCase()} [0-9a-f]{8}`),
    );
    assert.match(ca.openssl('verify', '-x509_strict', '-CAfile', file, file), /OK/);

    const { validFromDate, validToDate } = new X509Certificate(certificate);
    assert.equal(validToDate.getUTCFullYear() - validFromDate.getUTCFullYear(), 10);
  }
});

test('the local CA vouches for clients and servers, whatever their name', async () => {
  const anchors = await ca.store.db.selectFrom('anchors').selectAll().execute();
  assert.deepEqual(
    anchors.map(({ role, selectors, source }) => ({ role, selectors, source })),
    [1, 2].map(() => ({ role: 'both', selectors: '[".","@."]', source: 'local-ca' })),
  );
});

for (const keyType of keyTypes) {
  test(`OpenSSL verifies a ${keyType} leaf against the exported roots, as a strict server name`, async () => {
    using session = ca.hsm.open();
    const wanted = await subject(session, 'www.example.com', keyType);
    const { chain } = await issueLeaf(ca.store, session, wanted);
    const leaf = ca.file('leaf.pem', pem(chain[0]));
    const verdict = ca.openssl(
      ...['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'www.example.com'],
      ...['-CAfile', ca.roots, leaf],
    );
    assert.match(verdict, /: OK/);
    const signature = /Signature Algorithm: (\S+)/.exec(
      ca.openssl('x509', '-in', leaf, '-noout', '-text'),
    );
    const root = keyType.startsWith('rsa') ? 'sha256WithRSAEncryption' : 'ecdsa-with-SHA256';
    assert.equal(signature?.[1], root, 'leaves follow the kind of their key');
  });
}

test('a leaf has the extensions of its role, and only signs', async () => {
  using session = ca.hsm.open();
  const wanted = await subject(session, 'www.example.com');
  for (const [role, usage] of [
    ['server', 'TLS Web Server Authentication'],
    ['client', 'TLS Web Client Authentication'],
    ['both', 'TLS Web Server Authentication, TLS Web Client Authentication'],
  ] as const) {
    const { chain } = await issueLeaf(ca.store, session, { ...wanted, role });
    const leaf = ca.file('leaf.pem', pem(chain[0]));
    const text = ca.openssl('x509', '-in', leaf, '-noout', '-text');
    assert.match(text, new RegExp(`Extended Key Usage: \\n\\s+${usage}\\n`));
    assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
    assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
    assert.match(text, /Authority Key Identifier/);
    const purpose = role === 'client' ? 'sslserver' : 'sslclient';
    if (role === 'both') {
      assert.match(ca.openssl('verify', '-purpose', purpose, '-CAfile', ca.roots, leaf), /OK/);
    } else {
      assert.throws(() => ca.openssl('verify', '-purpose', purpose, '-CAfile', ca.roots, leaf));
    }
  }
});

test('names go into SubjectAltName as what they are: domain, wildcard, user, international user', async () => {
  using session = ca.hsm.open();
  const key = await subject(session, 'names');
  const long = `${'a'.repeat(60)}.example.com`;
  for (const [id, expected] of [
    ['www.example.com', { domains: ['www.example.com'] }],
    ['.example.com', { wildcards: ['.example.com'] }],
    ['john@example.com', { users: ['john@example.com'] }],
    ['jürgen@xn--bcher-kva.example', { users: ['jürgen@xn--bcher-kva.example'] }],
    [long, { domains: [long] }],
    [`${'ü'.repeat(50)}@example.com`, { users: [`${'ü'.repeat(50)}@example.com`] }],
  ] as const) {
    const { chain } = await issueLeaf(ca.store, session, { ...key, id });
    const [leaf] = chain;
    assert.ok(leaf);
    const { users, domains, wildcards, refused } = subjectNames(leaf);
    assert.deepEqual(
      {
        users: users.map(({ user, domain }) => `${user}@${domain}`),
        domains: domains.map(({ domain }) => domain),
        wildcards,
        refused,
      },
      { users: [], domains: [], wildcards: [], refused: [], ...expected },
    );
    const file = ca.file('leaf.pem', pem(leaf));
    assert.match(ca.openssl('verify', '-x509_strict', '-CAfile', ca.roots, file), /OK/);
  }
});

test('a name that does not fit the common name leaves the subject empty, and SubjectAltName critical', async () => {
  using session = ca.hsm.open();
  const wanted = await subject(session, `${'a'.repeat(60)}.example.com`);
  const { chain } = await issueLeaf(ca.store, session, wanted);
  const text = ca.openssl('x509', '-in', ca.file('leaf.pem', pem(chain[0])), '-noout', '-text');
  assert.match(text, /Subject: \n/);
  assert.match(text, /Subject Alternative Name: critical/);
});

test('serial numbers are random, positive, of 126 bits, and written down with the certificate', async () => {
  using session = ca.hsm.open();
  const wanted = await subject(session, 'serial.example.com');
  const serials = new Set<string>();
  for (let count = 0; count < 8; count += 1) {
    const { serial, chain } = await issueLeaf(ca.store, session, wanted);
    assert.match(serial, /^[4-7][0-9a-f]{31}$/);
    assert.equal(new X509Certificate(chain[0] ?? '').serialNumber.toLowerCase(), serial);
    serials.add(serial);
  }
  assert.equal(serials.size, 8);
  const issued = await ca.store.db
    .selectFrom('issued')
    .selectAll()
    .where('donai', '=', 'serial.example.com')
    .execute();
  assert.deepEqual(new Set(issued.map(({ serial }) => serial)), serials);
  for (const { certificate, not_after: notAfter } of issued) {
    const { validToDate } = new X509Certificate(certificate);
    assert.equal(validToDate.toISOString(), notAfter);
  }
});

test('a leaf begins a little in the past and is valid for 397 days unless said otherwise', async () => {
  using session = ca.hsm.open();
  const wanted = await subject(session, 'www.example.com');
  for (const [days, expected] of [
    [undefined, 397],
    [1, 1],
    [825, 825],
  ] as const) {
    const { chain } = await issueLeaf(ca.store, session, { ...wanted, days });
    const { validFromDate, validToDate } = new X509Certificate(chain[0] ?? '');
    const age = Date.now() - validFromDate.getTime();
    assert.ok(age >= 3_600_000 && age < 3_660_000, `${age} ms ago`);
    assert.equal((validToDate.getTime() - validFromDate.getTime()) / DAY, expected);
  }
  for (const days of [0, -1, 1.5, 826, Number.NaN]) {
    await assert.rejects(issueLeaf(ca.store, session, { ...wanted, days }), {
      code: 'bad-validity',
    });
  }
});

test('a self-signed leaf verifies against itself only', async () => {
  using session = ca.hsm.open();
  for (const keyType of ['ec-p256', 'ed25519', 'rsa-2048'] as const) {
    for (const id of ['self.example.com', `${'a'.repeat(60)}.example.com`]) {
      const { chain } = await selfSign(session, await subject(session, id, keyType));
      const file = ca.file('self.pem', pem(chain[0]));
      assert.match(ca.openssl('verify', '-purpose', 'sslserver', '-CAfile', file, file), /OK/);
      assert.throws(() => ca.openssl('verify', '-CAfile', ca.roots, file));
    }
  }
});

for (const keyType of keyTypes) {
  test(`OpenSSL accepts a certificate request of a ${keyType} key, with the names asked for`, async () => {
    using session = ca.hsm.open();
    const csr = await makeCsr(session, await subject(session, 'www.example.com', keyType));
    const file = ca.file('request.pem', csr);
    ca.openssl('req', '-in', file, '-noout', '-verify');
    const text = ca.openssl('req', '-in', file, '-noout', '-text');
    assert.match(text, /DNS:www\.example\.com/);
    assert.match(text, /TLS Web Server Authentication/);
    assert.match(text, /Subject: CN = www\.example\.com/);
  });
}

test('a root whose key in the token is another is found when it signs', async () => {
  using session = ca.hsm.open();
  const other = await generateKeyPair(session, 'ec-p256', 'impostor');
  const wanted = await subject(session, 'www.example.com');
  await ca.store.db.transaction().execute(async (transaction) => {
    const { key_uri: before } = await transaction
      .selectFrom('authorities')
      .select('key_uri')
      .where('kind', '=', 'ec')
      .executeTakeFirstOrThrow();
    await transaction
      .updateTable('authorities')
      .set({ key_uri: other.uri })
      .where('kind', '=', 'ec')
      .execute();
    assert.notEqual(before, other.uri);
  });
  await assert.rejects(issueLeaf(ca.store, session, wanted), { code: 'key-mismatch' });
});

test('the export has both roots, or the one asked for', async () => {
  const count = (text: string) => text.match(/-----BEGIN CERTIFICATE-----/g)?.length;
  assert.equal(count(await exportAnchors(ca.store)), 2);
  const rsa = await exportAnchors(ca.store, ['rsa']);
  assert.equal(count(rsa), 1);
  assert.equal(new X509Certificate(rsa).publicKey.asymmetricKeyType, 'rsa');
});
