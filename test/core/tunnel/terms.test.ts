import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpoint } from '../../../src/core/tunnel/endpoint.ts';
import {
  agreeTerms,
  type GivenTerms,
  parseAlpn,
  parseService,
} from '../../../src/core/tunnel/terms.ts';

const nothing: GivenTerms = {
  client: false,
  localIds: [],
  requestRemoteId: false,
  requireRemoteId: false,
  alpn: [],
};
const byName = parseEndpoint('imap.example.com:993');
const byAddress = parseEndpoint('192.0.2.1:993');

test('a server asks nobody who they are unless it is told to', () => {
  const demand = (given: Partial<GivenTerms>) => {
    const terms = agreeTerms({ ...nothing, ...given }, byAddress);
    return terms.role === 'server' ? terms.remote : undefined;
  };
  assert.equal(demand({}), 'ignore');
  assert.equal(demand({ requestRemoteId: true }), 'request');
  assert.equal(demand({ requireRemoteId: true }), 'require');
  assert.throws(() => demand({ requestRemoteId: true, requireRemoteId: true }), /exclude/);
});

test('a client expects the name that it connects to', () => {
  const terms = agreeTerms({ ...nothing, client: true }, byName);
  assert.equal(terms.role === 'client' && terms.remoteId, 'imap.example.com');
});

test('a client that connects to an address or a path must be told whom to expect', () => {
  for (const connect of [byAddress, parseEndpoint('/run/server.sock')]) {
    assert.throws(() => agreeTerms({ ...nothing, client: true }, connect), {
      code: 'usage',
      hint: 'Name it: --remote-id example.com',
    });
    const terms = agreeTerms({ ...nothing, client: true, remoteId: 'example.com' }, connect);
    assert.equal(terms.role === 'client' && terms.remoteId, 'example.com');
  }
});

test('what belongs to the other role is refused', () => {
  assert.throws(() => agreeTerms({ ...nothing, remoteId: 'a.example' }, byName), /needs --client/);
  const client = { ...nothing, client: true };
  assert.throws(() => agreeTerms({ ...client, requireRemoteId: true }, byName), /for servers/);
  assert.throws(() => agreeTerms({ ...client, localIds: ['a', 'b'] }, byName), /at most one/);
});

test('ALPN lists are split at commas, in order', () => {
  assert.deepEqual(parseAlpn('h2,http/1.1'), ['h2', 'http/1.1']);
  assert.deepEqual(parseAlpn('h2, http/1.1'), ['h2', 'http/1.1']);
  for (const list of ['', 'h2,', ',h2', 'x'.repeat(256)]) {
    assert.throws(() => parseAlpn(list), { code: 'usage' });
  }
});

test('service names follow RFC 6335', () => {
  for (const name of ['https', 'imap', 'iris-beep', 'h323gatestat', '914c-g']) {
    assert.equal(parseService(name), name);
  }
  for (const name of ['', '443', '-a', 'a-', 'a--b', 'a_b', 'abcdefghijklmnop']) {
    assert.throws(() => parseService(name), { code: 'usage' });
  }
});
