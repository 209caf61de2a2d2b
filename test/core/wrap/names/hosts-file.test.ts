import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalAddress,
  hostsNamesOf,
  parseHosts,
} from '../../../../src/core/wrap/names/hosts-file.ts';

test('a hosts file gives the names of an address, the canonical one first', () => {
  const hosts = parseHosts(`
# comment
127.0.0.1\tlocalhost
192.0.2.1   Www.Example.com www  # the web
2001:DB8:0::1 six.example
192.0.2.1 second.example.
nonsense here
192.0.2.7
`);
  assert.deepEqual(
    [...hosts],
    [
      ['127.0.0.1', ['localhost']],
      ['192.0.2.1', ['www.example.com', 'www', 'second.example']],
      ['2001:db8::1', ['six.example']],
      ['192.0.2.7', []],
    ],
  );
});

test('addresses are compared in one form', () => {
  assert.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(canonicalAddress('FE80::1%eth0'), 'fe80::1');
  assert.equal(canonicalAddress('www.example.com'), undefined);
});

test('any text is read', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseHosts(text)));
});

test('the file is the one that the process sees', () => {
  assert.ok(hostsNamesOf(process.pid, '127.0.0.1').includes('localhost'));
  assert.deepEqual(hostsNamesOf(2 ** 22 + 1, '127.0.0.1'), []);
});
