import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  describeMeaning,
  ListenerPolicy,
  type PortFlags,
} from '../../../src/core/wrap/transparent/listener-policy.ts';

const noFlags: PortFlags = { tls: [], startTls: [], plain: [], optional: [] };
const given = {
  localIds: [],
  requestRemoteId: false,
  requireRemoteId: false,
  service: undefined,
  alpn: [],
};

function policy(flags: Partial<PortFlags> = {}, more: object = {}): ListenerPolicy {
  return new ListenerPolicy({ ...noFlags, ...flags }, { ...given, ...more });
}

/** How a port is served, in words. */
function served(at: ListenerPolicy, port: number): string {
  const agreed = at.terms(port);
  if (agreed.kind === 'plain') return 'plain';
  const { service, startTls } = agreed.terms;
  const optional = startTls?.optional ? ', optional' : '';
  return `${startTls?.protocol.name ?? 'tls'}${optional} ${service ?? '-'}`;
}

test('a port that no flag names means what IANA says', () => {
  const wanted = {
    25: 'smtp smtp',
    587: 'smtp submission',
    110: 'pop3 pop3',
    143: 'imap imap',
    119: 'nntp nntp',
    21: 'ftp ftp',
    389: 'ldap ldap',
    5222: 'xmpp xmpp-client',
    5269: 'xmpp-server xmpp-server',
    5432: 'postgres postgresql',
    3306: 'mysql mysql',
    6667: 'irc ircu',
    4190: 'managesieve sieve',
    53: 'plain',
    443: 'tls https',
    8080: 'tls -',
  };
  for (const [port, how] of Object.entries(wanted)) {
    assert.equal(served(policy(), Number(port)), how, port);
  }
});

test('flags say otherwise', () => {
  const flags = { tls: ['25', '8443=https'], startTls: ['2525=smtp'], plain: ['443'] };
  const at = policy({ ...flags, optional: ['2525', '587'] });
  assert.equal(served(at, 25), 'tls -');
  assert.equal(served(at, 8443), 'tls https');
  assert.equal(served(at, 2525), 'smtp, optional -');
  assert.equal(served(at, 587), 'smtp, optional submission');
  assert.equal(served(at, 443), 'plain');
  assert.deepEqual(at.named.toSorted(), [25, 2525, 443, 587, 8443]);
  assert.equal(describeMeaning(at.meaning(2525)), 'STARTTLS smtp');
});

test('what cannot be meant is said before the program runs', () => {
  for (const [flags, more, why] of [
    [{ tls: ['0'] }, {}, /from 1 to 65535/],
    [{ tls: ['25'], plain: ['25'] }, {}, /named twice/],
    [{ startTls: ['25'] }, {}, /PORT=PROTOCOL/],
    [{ startTls: ['25=gopher'] }, {}, /no STARTTLS for `gopher`/],
    [{ optional: ['443'] }, {}, /only where a client asks for it/],
    [{ optional: ['21'] }, {}, /cannot be optional in ftp/],
    [{ optional: ['25'] }, { requireRemoteId: true }, /cannot prove who it is/],
    [{}, { requestRemoteId: true, requireRemoteId: true }, /exclude each other/],
    [{}, { proxies: ['example.com'] }, /ADDRESS\/BITS/],
  ] as const) {
    assert.throws(() => policy(flags, more), { code: 'usage', message: why });
  }
});
