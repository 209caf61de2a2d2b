import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portMeaning } from '../../../src/core/wrap/port-meaning.ts';

test('ports mean what IANA registered them for', () => {
  assert.deepEqual(portMeaning(143), { kind: 'starttls', protocol: 'imap', service: 'imap' });
  assert.deepEqual(portMeaning(993), { kind: 'tls', service: 'imaps' });
  // TLS from its first byte on, but heard inside, for the data connections' sake.
  assert.deepEqual(portMeaning(990), { kind: 'starttls', protocol: 'ftps', service: 'ftps' });
  assert.deepEqual(portMeaning(53), { kind: 'plain' });
});

test('a port of no meaning has TLS from its first byte on', () => {
  assert.deepEqual(portMeaning(8080), { kind: 'tls' });
});
