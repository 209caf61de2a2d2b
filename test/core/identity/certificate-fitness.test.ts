import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { requireUsable } from '../../../src/core/identity/certificate-fitness.ts';
import { parseLocalName } from '../../../src/core/identity/local-name.ts';
import type { StoredRole } from '../../../src/core/store/schema.ts';
import {
  der,
  dns,
  extension,
  type Maker,
  mail,
  make,
  makeRoot,
} from '../trust/made-certificates.ts';

const check = (name: string, role: StoredRole | undefined, ...chain: Maker[]) =>
  requireUsable(
    chain.map(({ certificate }) => certificate),
    parseLocalName(name),
    role,
  );

const refused = (reason: RegExp) => ({ code: 'unusable-certificate', message: reason });

test('a good certificate is described', () => {
  const root = makeRoot();
  const leaf = make({ names: [dns('www.example.com')], usage: 'server' }, root);
  const usable = check('www.example.com', undefined, leaf, root);
  assert.equal(usable.role, 'server');
  assert.equal(usable.keyType, 'ec-p256');
  assert.ok(usable.notAfter > new Date());
});

test('the roles are those of the extended key usage', () => {
  const names = [dns('www.example.com')];
  assert.equal(
    check('www.example.com', undefined, make({ names, usage: 'client' })).role,
    'client',
  );
  assert.equal(check('www.example.com', undefined, make({ names, usage: 'both' })).role, 'both');
  assert.equal(check('www.example.com', undefined, make({ names, usage: 'none' })).role, 'both');
  assert.equal(check('www.example.com', 'client', make({ names, usage: 'both' })).role, 'client');
});

test('a certificate for the other role is refused', () => {
  const names = [dns('www.example.com')];
  const server = make({ names, usage: 'server' });
  assert.throws(
    () => check('www.example.com', 'client', server),
    refused(/servers, not for clients/),
  );
  assert.throws(() => check('www.example.com', 'both', server), refused(/not for both roles/));
});

test('a certificate for code signing is refused', () => {
  const codeSigning = extension(
    '551d25',
    der(0x30, der(0x06, Buffer.from('2b06010505070303', 'hex'))),
  );
  const names = [dns('www.example.com')];
  const leaf = make({ names, usage: 'none', extensions: [codeSigning] });
  assert.throws(() => check('www.example.com', undefined, leaf), refused(/neither TLS/));
});

test('a key that may not sign is refused', () => {
  const root = makeRoot('CA', { names: [dns('www.example.com')] });
  assert.throws(() => check('www.example.com', undefined, root), refused(/signatures/));
});

test('an expired certificate is refused, wherever it is in the chain', () => {
  const root = makeRoot();
  const names = [dns('www.example.com')];
  const leaf = make({ names, from: -20, until: -10 }, root);
  assert.throws(() => check('www.example.com', undefined, leaf), refused(/expired on/));
  const oldRoot = makeRoot('Old Root', { from: -20, until: -1 });
  const young = make({ names }, oldRoot);
  assert.throws(
    () => check('www.example.com', undefined, young, oldRoot),
    refused(/Old Root expired/),
  );
});

test('a certificate of the future is refused', () => {
  const leaf = make({ names: [dns('www.example.com')], from: 2 });
  assert.throws(() => check('www.example.com', undefined, leaf), refused(/not valid before/));
});

test('a certificate for another name is refused, and so is a mere common name', () => {
  const other = make({ names: [dns('other.example.com')] });
  assert.throws(
    () => check('www.example.com', undefined, other),
    refused(/other\.example\.com, not for/),
  );
  const common = make({ commonName: 'www.example.com' });
  assert.throws(() => check('www.example.com', undefined, common), refused(/nobody, not for/));
  const user = make({ names: [mail('john@example.com')] });
  assert.throws(() => check('example.com', undefined, user), refused(/not for example.com/));
  const domain = make({ names: [dns('example.com')] });
  assert.throws(() => check('john@example.com', undefined, domain), refused(/not for john@/));
});

test('a wildcard certificate is one identity, and may serve as a concrete one', () => {
  const leaf = make({ names: [dns('*.example.com')] });
  assert.equal(check('.example.com', undefined, leaf).role, 'both');
  assert.equal(check('www.example.com', undefined, leaf).role, 'both');
  assert.throws(() => check('.www.example.com', undefined, leaf), refused(/not for \.www/));
});

test('a concrete certificate is no wildcard', () => {
  const leaf = make({ names: [dns('www.example.com')] });
  assert.throws(() => check('.example.com', undefined, leaf), refused(/not for \.example\.com/));
});

test('a chain in the wrong order, or of strangers, is refused', () => {
  const root = makeRoot();
  const leaf = make({ names: [dns('www.example.com')] }, root);
  assert.throws(() => check('www.example.com', undefined, root, leaf), refused(/did not sign/));
  // The same name, another key.
  assert.throws(
    () => check('www.example.com', undefined, leaf, makeRoot()),
    refused(/did not sign/),
  );
});

test('an empty chain and garbage are refused', () => {
  const name = parseLocalName('www.example.com');
  assert.throws(() => requireUsable([], name), refused(/no certificate/));
  assert.throws(() => requireUsable([Buffer.from('garbage')], name), refused(/not an X\.509/));
});

test('a name with a NUL makes the certificate unusable', () => {
  const leaf = make({ names: [dns('www.example.com'), dns('www.example.com\0.evil.example')] });
  assert.throws(() => check('www.example.com', undefined, leaf), refused(/NUL/));
});

test('keys that the pool cannot use are refused by kind', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const leaf = make({ names: [dns('www.example.com')], publicKey: spki }, makeRoot());
  assert.throws(() => check('www.example.com', undefined, leaf), { code: 'key-type-unsupported' });
});

test('only domains have wildcards, and not whole top-level ones', () => {
  for (const name of ['.com', '.', '@.', '@example.com', 'john@.example.com', '*.example.com']) {
    assert.throws(() => parseLocalName(name), { code: 'bad-donai' });
  }
  assert.throws(() => parseLocalName('*.example.com'), { message: /written \.example\.com/ });
});
