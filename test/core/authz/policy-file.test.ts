import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../../src/core/authz/policy-file.ts';

const author = { note: '', madeBy: 'test', madeAt: new Date(0).toISOString() };
const directory = ['--ldap-group cn=staff,dc=example,dc=com', '--refresh 300', '--stale 3600'];

function parse(...words: string[]) {
  return parsePolicy(`group staff ${words.join(' ')}\n`, author, 'policy.authz');
}

test('a directory is no better for being written down: what the command refuses, the text cannot say', () => {
  const safe = '--ldap ldaps://ldap.example.com';
  assert.equal(parse(safe, ...directory).groups[0]?.source.kind, 'ldap');
  for (const [words, reason] of [
    [['--ldap ldap://ldap.example.com', ...directory], /no directory that can be believed/],
    [[safe, '--ldap-group cn=staff', '--refresh 0', '--stale 3600'], /--refresh is at least 1 s/],
    [[safe, '--ldap-group cn=staff', '--refresh 300', '--stale 0'], /--stale is at least 1 s/],
    [[safe, ...directory, '--ldap-bind-dn cn=pool'], /go together/],
    [[safe, ...directory, '--ldap-ca-file ca.pem'], /whole path/],
  ] as const) {
    assert.throws(() => parse(...words), { message: reason });
  }
});
