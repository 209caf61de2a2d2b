import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ucspiEnvironment } from '../../../src/core/wrap/ucspi.ts';

const addresses = {
  local: { address: '192.0.2.1', port: 443 },
  remote: { address: '198.51.100.7', port: 50_000 },
};
const identities = { localId: 'www.example.com', remoteId: 'john@example.org' };
const security = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  alpn: 'http/1.1',
  decision: 'allowed-by-rule members',
  groups: ['list-members', 'staff'],
};

test('a program is told who is connected to whom, and how', () => {
  assert.deepEqual(ucspiEnvironment({ HOME: '/root' }, addresses, identities, security), {
    HOME: '/root',
    PROTO: 'TCP',
    TCPREMOTEIP: '198.51.100.7',
    TCPREMOTEPORT: '50000',
    TCPLOCALIP: '192.0.2.1',
    TCPLOCALPORT: '443',
    TLS_LOCAL_ID: 'www.example.com',
    TLS_REMOTE_ID: 'john@example.org',
    TLS_VERSION: 'TLSv1.3',
    TLS_CIPHER: 'TLS_AES_256_GCM_SHA384',
    TLS_ALPN: 'http/1.1',
    TLS_GROUPS: 'list-members staff',
    TLS_DECISION: 'allowed-by-rule members',
  });
});

test('what is not known is absent, even if our own environment has it', () => {
  const inherited = {
    TLS_REMOTE_ID: 'root@example.com',
    TLS_ALPN: 'h2',
    TLS_GROUPS: 'admins',
    TLS_DECISION: 'open',
    TCPREMOTEHOST: 'trusted.example.com',
    TCPREMOTEINFO: 'root',
    TCPLOCALHOST: 'localhost',
  };
  const nobody = { localId: 'www.example.com', remoteId: '' };
  const environment = ucspiEnvironment(inherited, addresses, nobody, {
    ...security,
    alpn: '',
    decision: '',
    groups: [],
  });
  for (const variable of Object.keys(inherited)) assert.ok(!(variable in environment), variable);
});

test('an IPv4 client of a dual-stack socket has an IPv4 address', () => {
  const mapped = { remote: { address: '::ffff:198.51.100.7', port: 1 } };
  const { TCPREMOTEIP } = ucspiEnvironment({}, mapped, identities, security);
  assert.equal(TCPREMOTEIP, '198.51.100.7');
  const six = { remote: { address: '2001:db8::ffff:1', port: 1 } };
  assert.equal(ucspiEnvironment({}, six, identities, security).TCPREMOTEIP, '2001:db8::ffff:1');
});
