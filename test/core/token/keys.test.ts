import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { findKey } from '../../../src/core/token/find-key.ts';
import { keyTypeOf, keyTypes } from '../../../src/core/token/key-types.ts';
import { destroyKey, generateKeyPair, importPrivateKey } from '../../../src/core/token/keys.ts';
import { proveKey, signatureAlgorithm, signer } from '../../../src/core/token/signer.ts';
import { parsePkcs11Uri } from '../../../src/core/token/uri.ts';
import { type SoftHsm, softHsm } from './softhsm-fixture.ts';

let hsm: SoftHsm;
before(async () => {
  hsm = await softHsm();
});
after(() => hsm[Symbol.dispose]());

/** What pkcs11-tool shows of the objects with the key's id. */
function shown(keyUri: string, kind = ''): string[] {
  const id = parsePkcs11Uri(keyUri).id?.toString('hex') ?? 'none';
  return hsm
    .tool('--list-objects')
    .split(/^(?=\S)/m)
    .filter((object) => object.startsWith(kind) && object.includes(`ID:         ${id}\n`));
}

for (const type of keyTypes) {
  test(`a ${type} key is generated in the token, signs, and is never extractable`, async () => {
    using session = hsm.open();
    const key = await generateKeyPair(session, type, `www.example.com ${type}`);
    assert.equal(keyTypeOf(key.publicKey), type);

    const algorithm = signatureAlgorithm(type);
    const data = Buffer.from('to be signed');
    const signature = await signer(session, key.uri)(algorithm, data);
    const hash = 'hash' in algorithm ? algorithm.hash.replace('-', '') : null;
    const publicKey = createPublicKey({ key: key.publicKey, format: 'der', type: 'spki' });
    assert.ok(verify(hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature));

    const [listing = ''] = shown(key.uri, 'Private Key');
    assert.match(listing, /Access:.*sensitive, always sensitive, never extractable/);
    assert.match(listing, /Usage:\s+sign\n/);
  });
}

const makers = {
  'ec-p256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ec-p384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed25519: () => generateKeyPairSync('ed25519'),
  'rsa-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'rsa-3072': () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
  'rsa-4096': () => generateKeyPairSync('rsa', { modulusLength: 4096 }),
};

for (const type of keyTypes) {
  test(`a ${type} key from elsewhere is written into the token, and cannot be read back`, async () => {
    using session = hsm.open();
    const pair = makers[type]();
    const pkcs8 = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    const key = await importPrivateKey(session, pkcs8, 'imported');
    assert.equal(key.type, type);
    assert.deepEqual(key.publicKey, pair.publicKey.export({ format: 'der', type: 'spki' }));
    await proveKey(session, key.uri, key.publicKey);

    const [listing = ''] = shown(key.uri, 'Private Key');
    assert.match(listing, /Access:\s+sensitive\n/);
    destroyKey(session, key.uri);
  });
}

test('a key is found by any URI that names it alone, and its canonical URI comes back', async () => {
  using session = hsm.open();
  const key = await generateKeyPair(session, 'ec-p256', 'found');
  for (const uri of [
    key.uri,
    'pkcs11:object=found',
    'pkcs11:token=test;object=found;type=private',
  ]) {
    assert.equal(findKey(session, uri).uri, key.uri);
  }
});

test('a URI that names no key, several, another kind of object or another token is refused', async () => {
  using session = hsm.open();
  await generateKeyPair(session, 'ec-p256', 'twin');
  await generateKeyPair(session, 'ec-p256', 'twin');
  assert.throws(() => findKey(session, 'pkcs11:object=twin'), { code: 'key-ambiguous' });
  assert.throws(() => findKey(session, 'pkcs11:object=nobody'), { code: 'key-absent' });
  assert.throws(() => findKey(session, 'pkcs11:object=twin;type=cert'), { code: 'key-absent' });
  assert.throws(() => findKey(session, 'pkcs11:token=other;object=twin'), {
    code: 'key-absent',
    message: /another token/,
  });
});

test('a destroyed key is gone with its public key; others with the same label stay', async () => {
  using session = hsm.open();
  const doomed = await generateKeyPair(session, 'ec-p256', 'doomed');
  const spared = await generateKeyPair(session, 'ec-p256', 'doomed');
  destroyKey(session, doomed.uri);
  assert.throws(() => findKey(session, doomed.uri), { code: 'key-absent' });
  assert.equal(findKey(session, spared.uri).uri, spared.uri);
  assert.deepEqual(shown(doomed.uri), []);
  assert.equal(shown(spared.uri).length, 2);
});

test('a key that is not that of the public key is found at once', async () => {
  using session = hsm.open();
  const key = await generateKeyPair(session, 'ec-p256', 'one');
  const other = await generateKeyPair(session, 'ec-p256', 'other');
  await assert.rejects(proveKey(session, key.uri, other.publicKey), { code: 'key-mismatch' });
  const rsa = await generateKeyPair(session, 'rsa-2048', 'rsa');
  await assert.rejects(proveKey(session, key.uri, rsa.publicKey));
});

test('keys that TLS here does not know, and what is no key, are refused before the token sees them', async () => {
  using session = hsm.open();
  const before = hsm.tool('--list-objects');
  for (const odd of [
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('x25519'),
  ]) {
    const pkcs8 = odd.privateKey.export({ format: 'der', type: 'pkcs8' });
    await assert.rejects(importPrivateKey(session, pkcs8, 'odd'), { code: 'key-type-unsupported' });
  }
  await assert.rejects(importPrivateKey(session, Buffer.from('nonsense'), 'odd'), {
    code: 'bad-private-key',
  });
  assert.equal(hsm.tool('--list-objects'), before);
});
