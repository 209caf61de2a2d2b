import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, parseConf } from '../../../src/core/config/conf-file.ts';
import { keys } from '../../../src/core/config/keys.ts';
import { interpret } from '../../../src/core/config/read-settings.ts';
import { defaultSettings } from '../../../src/core/config/settings.ts';

const read = (text: string) => interpret(parseConf(text), 'test.conf');
const example = readFileSync(new URL('../../../etc/tlspool.conf', import.meta.url), 'utf8');

/** The keys of the original's tlspool.conf. */
const original = `
  daemon_pidfile daemon_user daemon_group daemon_chroot
  socket_user socket_group socket_mode socket_name
  pkcs11_path pkcs11_pin pkcs11_token ldap_proxy memcache_ttl memcache_host memcache_port
  privacy_attempt radius_authn radius_authz radius_acct log_level log_filter log_stderr
  dbenv_dir db_localid db_disclose db_trust
  tls_dhparamfile tls_maxpreauth tls_onthefly_signcert tls_onthefly_signkey
  allow_facilities deny_facilities dnssec_rootkey
  kerberos_client_keytab kerberos_client_credcache kerberos_server_keytab kerberos_server_credcache
  quantum_proof_authentication quantum_proof_encryption quantum_proof_handshake
`
  .trim()
  .split(/\s+/);

test('every key of the original is honoured, or refused with a reason', () => {
  for (const key of original) {
    const rule = keys.get(key);
    assert.ok(rule, `${key} is not known`);
    if (rule.kind !== 'refused') continue;
    assert.throws(() => read(`${key} x`), {
      code: 'bad-config',
      exit: 2,
      message: new RegExp(`^test.conf:1: ${key} is not honoured: .{10}`),
    });
  }
});

test('the example is a configuration, and so is each line that it has commented out', () => {
  assert.deepEqual(read(example), defaultSettings);
  const shown = example.split('\n').filter((line) => /^#[a-z0-9_]+ \S/.test(line));
  const here = shown.filter((line) => !/^#daemon_(user|group)/.test(line));
  const settings = read(here.map((line) => line.slice(1)).join('\n'));
  const {
    token,
    threads,
    logFormat,
    socketUid,
    socketGid,
    seatGid,
    pidFile,
    onTheFly,
    validation,
    caListen,
    caUrl,
    ...rest
  } = settings;
  const {
    token: _t,
    threads: _n,
    logFormat: _f,
    socketUid: _u,
    socketGid: _g,
    seatGid: _s,
    onTheFly: _o,
    pidFile: _p,
    validation: _v,
    caListen: _c,
    caUrl: _l,
    ...defaults
  } = defaultSettings;
  assert.deepEqual([caListen?.port, caUrl], [8889, 'http://pki.example.com']);
  assert.equal(pidFile, '/var/run/tlspool.pid');
  const { fetchTimeout, ocspNonce, firstUseLifetime, resolver, levels } = validation;
  const { validation: usual } = defaultSettings;
  assert.deepEqual(
    [fetchTimeout, ocspNonce, firstUseLifetime],
    [usual.fetchTimeout, usual.ocspNonce, usual.firstUseLifetime],
  );
  assert.deepEqual(resolver, { address: '127.0.0.1', port: 53 });
  assert.deepEqual(levels.L, { rsa: 3072, ec: 384, hashes: ['sha384', 'sha512'] });
  assert.equal(onTheFly?.certificate, '/etc/tlspool/on-the-fly.pem');
  assert.deepEqual(rest, defaults, 'what is shown is what holds without the line');
  assert.deepEqual(
    [token?.uri, threads, logFormat, socketUid, socketGid, seatGid],
    ['pkcs11:token=web', 2, 'json', 0, 0, 0],
  );
});

test('the example documents every key that is honoured', () => {
  const documented = new Set([...example.matchAll(/^#?([a-z0-9_]+) \S/gm)].map(([, key]) => key));
  const silent = [
    'log_stderr',
    'quantum_proof_authentication',
    'quantum_proof_encryption',
    'quantum_proof_handshake',
  ];
  for (const [key, rule] of keys) {
    if (rule.kind === 'honoured' && !silent.includes(key)) assert.ok(documented.has(key), key);
  }
});

test('all faults of a file are told at once, with their lines', () => {
  const text = '# a comment\n\nsocket_mode 9999\nnonsense 1\nthreads 2\nthreads 3\nidle_timeout\n';
  assert.throws(
    () => read(text),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const lines = error.message.split('\n').map((line) => line.split(': ')[0]);
      assert.deepEqual(lines, ['test.conf:3', 'test.conf:4', 'test.conf:6', 'test.conf:7']);
      return true;
    },
  );
});

test('values are read with their units', () => {
  const settings = read(
    'handshake_timeout 500 ms\nidle_timeout 2 h\ndrain_timeout 5\nsocket_mode 660',
  );
  assert.equal(settings.handshakeTimeout, 500);
  assert.equal(settings.idleTimeout, 7_200_000);
  assert.equal(settings.drainTimeout, 5_000);
  assert.equal(settings.socketMode, 0o660);
});

test('facilities are what is allowed less what is denied', () => {
  assert.equal(read('deny_facilities starttls').facilities, 0);
  assert.equal(read('deny_facilities startgss, startssh').facilities, 1);
  assert.throws(() => read('allow_facilities starttls startgss'), /STARTTLS only/);
});

test('a PIN in the file is refused, and not repeated', () => {
  assert.throws(
    () => read('pkcs11_pin 123456'),
    (error) => error instanceof ConfigError && !error.message.includes('123456'),
  );
});

test('a demand that cannot be met is refused, one for nothing is not', () => {
  assert.throws(() => read('quantum_proof_handshake yes'), /preferred, but not required/);
  assert.deepEqual(read('quantum_proof_handshake no'), defaultSettings);
});

test('any text is read, or refused as a configuration', () => {
  const line = fc
    .tuple(fc.constantFrom(...keys.keys()), fc.string())
    .map(([key, value]) => `${key} ${value}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
      try {
        read(lines.join('\n'));
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
  );
});

test('a resolver is on loopback, with its port if need be', () => {
  const resolver = (value: string) => read(`dns_resolver ${value}`).validation.resolver;
  assert.deepEqual(resolver('127.0.0.53'), { address: '127.0.0.53', port: 53 });
  assert.deepEqual(resolver('127.0.0.1:5353'), { address: '127.0.0.1', port: 5353 });
  assert.deepEqual(resolver('::1'), { address: '::1', port: 53 });
  assert.deepEqual(resolver('[::1]:5353'), { address: '::1', port: 5353 });
  for (const value of ['192.0.2.1', 'localhost', '127.0.0.1:99999', '2001:db8::1', '127.1']) {
    assert.throws(() => resolver(value), { code: 'bad-config' }, value);
  }
});

test('what predicates need is read as it is meant, or refused', () => {
  const { validation } = read(
    'required_extensions smtp 1.2.3 critical:1.2.4; imap 2.999.1\nfetch_from 10.0.0.0/8, ::1',
  );
  assert.deepEqual(validation.extensions.get('smtp'), [
    { oid: '1.2.3', critical: false },
    { oid: '1.2.4', critical: true },
  ]);
  assert.deepEqual(validation.fetchFrom, ['10.0.0.0/8', '::1']);
  for (const line of [
    'level_high rsa',
    'level_high rsa many',
    'level_low hash md5',
    'level_low speed 3',
    'required_extensions smtp',
    'required_extensions smtp 1.02.3',
    'fetch_from example.com',
    'fetch_from 10.0.0.0/64',
    'ocsp_nonce maybe',
    'fetch_timeout 0',
    'directory ldap://example.com',
  ]) {
    assert.throws(() => read(line), { code: 'bad-config' }, line);
  }
});
