import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalIdentity } from '../../../src/core/identity/local-identities.ts';
import { parseSelector } from '../../../src/core/identity/selector.ts';
import type { StoredRole } from '../../../src/core/store/schema.ts';
import { onlyServerIdentity, requireIdentity } from '../../../src/core/tunnel/default-identity.ts';

function identity(name: string, ...roles: readonly StoredRole[]): LocalIdentity {
  const credentials = roles.map((role, id) => ({
    id,
    role,
    keyType: 'ec-p256' as const,
    keyUri: `pkcs11:object=${id}`,
    publicKey: Buffer.alloc(0),
    chain: [],
    notAfter: new Date(0),
  }));
  return { donai: parseSelector(name), credentials };
}

test('the only identity for servers is the default', () => {
  const identities = [
    identity('john@example.com', 'client'),
    identity('pending.example.com'),
    identity('.example.com', 'client', 'both'),
  ];
  assert.equal(onlyServerIdentity(identities, '/state'), '.example.com');
});

test('with none, the command that creates one is named', () => {
  assert.throws(() => onlyServerIdentity([identity('a.example', 'client')], '/state'), {
    code: 'no-identity',
    message: 'there is no identity for servers in /state',
    hint: /identities create/,
  });
});

test('with several, they are listed and the flag is named', () => {
  const identities = [identity('a.example', 'server'), identity('b.example', 'both')];
  assert.throws(() => onlyServerIdentity(identities, '/state'), {
    code: 'several-identities',
    message: 'there are several identities for servers in /state: a.example, b.example',
    hint: 'Say which: --local-id a.example',
  });
});

test('a name that is given has to be there, for the role, itself or by a wildcard', () => {
  const identities = [
    identity('a.example', 'server'),
    identity('john@example.com', 'client'),
    identity('.example.com', 'both'),
    identity('pending.example'),
  ];
  const require = (name: string, role: 'server' | 'client') =>
    requireIdentity(name, role, identities, '/state');
  for (const name of ['a.example', 'A.Example', 'www.example.com']) require(name, 'server');
  for (const name of ['john@example.com', 'www.example.com']) require(name, 'client');
  for (const name of ['b.example', 'pending.example', 'a.www.example.com', 'john@example.com'])
    assert.throws(() => require(name, 'server'), {
      code: 'no-identity',
      message: `there is no identity ${name} for servers in /state`,
      hint: /identities create/,
    });
  assert.throws(() => require('a.example', 'client'), { code: 'no-identity' });
});

test('what a selector stands for may be created later', () => {
  requireIdentity('.example.com', 'server', [], '/state');
});
