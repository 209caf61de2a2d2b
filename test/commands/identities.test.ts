import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatPem, formatPemCertificates } from '../../src/core/identity/pem.ts';
import { dns, type Maker, make, makeRoot } from '../core/trust/made-certificates.ts';
import { patience } from '../patience.ts';
import { type Stage, stage, stageWithState } from './state-stage.ts';

const stages: Stage[] = [];
after(() => {
  for (const made of stages) made[Symbol.dispose]();
});

async function newPool(): Promise<Stage> {
  const made = await stageWithState();
  stages.push(made);
  return made;
}

let shared: Promise<Stage> | undefined;

/** One for all tests, each of which uses names of its own: making a CA takes a second. */
function pool(): Promise<Stage> {
  shared ??= newPool();
  return shared;
}

// biome-ignore lint/suspicious/noExplicitAny: what a command prints is checked by the assertions
type Json = any;

async function succeed(made: Stage, ...args: string[]): Promise<Json> {
  const { code, stdout } = await made.tlspool(...args, '--json');
  assert.equal(code, 0, stdout);
  return JSON.parse(stdout);
}

async function fail(made: Stage, exit: number, ...args: string[]): Promise<Json> {
  const { code, stdout } = await made.tlspool(...args, '--json');
  assert.equal(code, exit, stdout);
  return JSON.parse(stdout).error;
}

/** None if there is no such identity. */
async function credentials(made: Stage, id: string): Promise<Json> {
  const { identities } = await succeed(made, 'identities', 'list');
  return identities.find((each: Json) => each.id === id)?.credentials ?? [];
}

/** What pkcs11-tool sees in the pool's own token. */
function tokenObjects({ stateDir }: Stage, type: string): string {
  const pin = readFileSync(join(stateDir, 'pin'), 'utf8').trim();
  const module = ['--module', '/usr/lib/softhsm/libsofthsm2.so', '--login', '--pin', pin];
  return execFileSync('pkcs11-tool', [...module, '--list-objects', '--type', type], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, SOFTHSM2_CONF: join(stateDir, 'softhsm2.conf') },
    timeout: patience,
  });
}

function file({ folder }: Stage, name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test('an empty list names create, and the state folder that was read', async () => {
  const made = await pool();
  const { code, stdout } = await made.tlspool('identities', 'list');
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^State folder: ${made.stateDir}$`, 'm'));
  assert.match(stdout, /tlspool identities create/);
  assert.deepEqual((await succeed(made, 'identities', 'list')).identities, []);
});

test('without state, init is named', async () => {
  using made = stage();
  const error = await fail(made, 1, 'identities', 'list');
  assert.equal(error.code, 'no-state');
  assert.match(error.hint, /tlspool init/);
});

test('identities of every kind of key are created, listed and shown', async () => {
  const made = await pool();
  const kinds = ['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096'];
  for (const kind of kinds) {
    await succeed(made, 'identities', 'create', 'www.example.com', '--key', kind);
  }
  await succeed(made, 'identities', 'create', 'John@Example.com');
  const [john] = await credentials(made, 'john@example.com');
  assert.equal(john.role, 'client');
  const www = await credentials(made, 'www.example.com');
  assert.deepEqual(
    www.map((each: Json) => each.keyType),
    ['ec-p256', 'ed25519', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'],
  );

  const { stdout } = await made.tlspool('identities', 'list');
  for (const column of ['IDENTITY', 'ROLE', 'KEY', 'ISSUER', 'EXPIRES', 'WHERE']) {
    assert.match(stdout, new RegExp(`\\b${column}\\b`));
  }
  assert.match(
    stdout,
    /^www\.example\.com +server +rsa-4096 +tlspool local CA RSA .* in 13 months +pkcs11:\S+$/m,
  );
  assert.match(
    stdout,
    /^john@example\.com +client +ec-p256 +tlspool local CA EC .* in 13 months +pkcs11:\S+$/m,
  );
  assert.ok(!stdout.includes('\u001b'), 'no colours where there is no terminal');

  const shown = await made.tlspool('identities', 'show', 'www.example.com');
  assert.match(shown.stdout, /credential 1\n/);
  assert.match(shown.stdout, new RegExp(www[0].fingerprint));
});

test('stock OpenSSL verifies a created certificate against the exported CA', async () => {
  const made = await pool();
  const ca = file(made, 'ca.pem', (await made.tlspool('ca', 'export')).stdout);
  for (const key of ['ec-p256', 'rsa-2048', 'ed25519']) {
    await succeed(made, 'identities', 'create', `${key}.example.com`, '--key', key);
    const { stdout } = await made.tlspool('identities', 'export', `${key}.example.com`);
    const leaf = file(made, 'leaf.pem', stdout);
    const check = ['verify', '-purpose', 'sslserver', '-verify_hostname', `${key}.example.com`];
    assert.match(
      execFileSync('openssl', [...check, '-x509_strict', '-CAfile', ca, leaf], {
        encoding: 'utf8',
        timeout: patience,
      }),
      /OK$/m,
    );
  }
});

test('the same identity twice is an accident, unless it is a renewal', async () => {
  const made = await pool();
  const create = ['identities', 'create', 'twice.example.com'];
  const first = await succeed(made, ...create);
  const error = await fail(made, 1, ...create);
  assert.equal(error.code, 'identity-exists');
  assert.match(error.hint, /--renew/);
  // The other role is another matter.
  await succeed(made, ...create, '--role', 'client');
  assert.equal((await fail(made, 1, ...create, '--role', 'both')).code, 'identity-exists');

  const second = await succeed(made, ...create, '--renew');
  const all = await credentials(made, 'twice.example.com');
  const servers = all.filter((each: Json) => each.role === 'server');
  assert.deepEqual(
    servers.map((each: Json) => each.key),
    [second.keyUri, first.keyUri],
  );
});

test('a wildcard identity has a wildcard certificate', async () => {
  const made = await pool();
  await succeed(made, 'identities', 'create', '.example.com');
  const { certificates } = await succeed(made, 'identities', 'export', '.example.com');
  assert.equal(new X509Certificate(certificates).subjectAltName, 'DNS:*.example.com');
  const error = await fail(made, 2, 'identities', 'create', '*.example.com');
  assert.match(error.message, /\.example\.com/);
});

test('a self-signed certificate is its own issuer and keeps its days', async () => {
  const made = await pool();
  const args = ['identities', 'create', 'self.example.com', '--self-signed', '--days', '10'];
  await succeed(made, ...args);
  const [self] = await credentials(made, 'self.example.com');
  assert.equal(self.issuer, 'itself');
  const { stdout } = await made.tlspool('identities', 'list');
  assert.match(stdout, / itself +in 10 days /);
});

test('names that are none are refused, and leave no key behind', async () => {
  const made = await pool();
  const before = tokenObjects(made, 'privkey');
  for (const name of [
    '192.0.2.1',
    '_x.example.com',
    'a@b@example.com',
    '@example.com',
    '.com',
    '%65xample.com',
  ]) {
    assert.equal((await fail(made, 2, 'identities', 'create', name)).code, 'bad-donai', name);
  }
  assert.equal(
    (await fail(made, 2, 'identities', 'create', 'a.example', '--days', '9999')).code,
    'bad-validity',
  );
  assert.equal(tokenObjects(made, 'privkey'), before);
});

test('export prints certificates, and never a key', async () => {
  const made = await pool();
  await succeed(made, 'identities', 'create', 'export.example.com');
  const args = ['identities', 'create', 'export.example.com', '--key', 'rsa-2048'];
  const rsa = await succeed(made, ...args);
  const preferred = await made.tlspool('identities', 'export', 'export.example.com');
  assert.match(preferred.stdout, /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
  assert.equal(new X509Certificate(preferred.stdout).publicKey.asymmetricKeyType, 'ec');
  const second = await made.tlspool(
    'identities',
    'export',
    'export.example.com',
    '--credential',
    String(rsa.credential),
  );
  assert.equal(new X509Certificate(second.stdout).publicKey.asymmetricKeyType, 'rsa');
  assert.equal(
    (await fail(made, 1, 'identities', 'export', 'export.example.com', '--credential', '999')).code,
    'no-credential',
  );
  assert.equal(
    (await fail(made, 1, 'identities', 'export', 'other.example.com')).code,
    'no-identity',
  );
});

test('remove keeps the key in the token unless it is told to destroy it', async () => {
  const made = await pool();
  const label = /label: +kept\.example\.com$/m;
  const { keyUri } = await succeed(made, 'identities', 'create', 'kept.example.com');
  const removed = await succeed(made, 'identities', 'remove', 'kept.example.com');
  assert.deepEqual(removed.keptKeys, [keyUri]);
  assert.deepEqual(await credentials(made, 'kept.example.com'), []);
  assert.match(tokenObjects(made, 'privkey'), label);

  const again = await succeed(made, 'identities', 'create', 'api.example.com');
  const error = await fail(made, 2, 'identities', 'remove', 'api.example.com', '--delete-key');
  assert.match(error.hint, /--yes/);
  assert.equal((await credentials(made, 'api.example.com')).length, 1);
  const args = ['identities', 'remove', 'api.example.com', '--delete-key', '--yes'];
  assert.deepEqual((await succeed(made, ...args)).destroyedKeys, [again.keyUri]);
  assert.deepEqual(await credentials(made, 'api.example.com'), []);
  assert.doesNotMatch(tokenObjects(made, 'privkey'), /api\.example\.com/);
  assert.doesNotMatch(tokenObjects(made, 'pubkey'), /api\.example\.com/);
});

test('one credential can go and the others stay', async () => {
  const made = await pool();
  const first = await succeed(made, 'identities', 'create', 'one.example.com');
  await succeed(made, 'identities', 'create', 'one.example.com', '--key', 'rsa-2048');
  await succeed(
    made,
    'identities',
    'remove',
    'one.example.com',
    '--credential',
    String(first.credential),
  );
  const left = await credentials(made, 'one.example.com');
  assert.deepEqual(
    left.map((each: Json) => each.keyType),
    ['rsa-2048'],
  );
});

test('a wrong PIN file changes nothing', async () => {
  const made = await pool();
  await succeed(made, 'identities', 'create', 'pin.example.com');
  const pin = file(made, 'wrong-pin', '000000\n');
  const remove = ['identities', 'remove', 'pin.example.com', '--delete-key', '--yes'];
  assert.equal((await fail(made, 1, ...remove, '--pin-file', pin)).code, 'wrong-pin');
  assert.equal((await credentials(made, 'pin.example.com')).length, 1);
});

/** Signs what a request asks for, as a CA elsewhere does. */
function issue(made: Stage, csr: string, ca: Maker): string {
  const request = file(made, 'request.pem', csr);
  const issuer = file(made, 'issuer.pem', formatPemCertificates([ca.certificate]));
  const key = ca.privateKey.export({ format: 'pem', type: 'pkcs8' });
  const args = ['-CA', issuer, '-CAkey', file(made, 'issuer.key', key), '-days', '90'];
  return execFileSync(
    'openssl',
    ['x509', '-req', '-in', request, '-copy_extensions', 'copyall', ...args],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: patience },
  );
}

test('a request is certified elsewhere and its certificate installed', async () => {
  const made = await pool();
  const ca = makeRoot('Elsewhere');
  const csr = (await made.tlspool('identities', 'csr', 'imap.example.com')).stdout;
  const waiting = await made.tlspool('identities', 'list');
  assert.match(waiting.stdout, /^imap\.example\.com +server +ec-p256 +\(requested\)/m);
  assert.equal((await made.tlspool('identities', 'csr', 'imap.example.com')).stdout, csr);

  const chain = file(made, 'chain.pem', issue(made, csr, ca));
  const strange = file(
    made,
    'strange.pem',
    formatPemCertificates([make({ names: [dns('imap.example.com')] }, ca).certificate]),
  );
  const install = (name: string, path: string) => ['identities', 'install', name, path];
  assert.equal((await fail(made, 1, ...install('imap.example.com', strange))).code, 'key-mismatch');
  assert.equal(
    (await fail(made, 1, ...install('smtp.example.com', chain))).code,
    'unusable-certificate',
  );
  await succeed(made, ...install('imap.example.com', chain));

  const shown = await succeed(made, 'identities', 'show', 'imap.example.com');
  assert.deepEqual(shown.requests, []);
  assert.equal(shown.credentials[0].issuer, 'Elsewhere');
  assert.equal((await fail(made, 1, ...install('imap.example.com', chain))).code, 'no-request');
});

function pkcs12(made: Stage, kind: string[], extra: string[] = []): { path: string; key: Buffer } {
  const key = join(made.folder, 'p12.key');
  const cert = join(made.folder, 'p12.crt');
  const path = join(made.folder, 'identity.p12');
  const run = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: 'pipe', timeout: patience });
  run(
    'req',
    '-x509',
    '-nodes',
    '-days',
    '60',
    '-subj',
    '/CN=import',
    '-keyout',
    key,
    '-out',
    cert,
    '-addext',
    'subjectAltName=DNS:p12.example.com',
    '-newkey',
    ...kind,
    ...extra,
  );
  run(
    'pkcs12',
    '-export',
    '-inkey',
    key,
    '-in',
    cert,
    '-out',
    path,
    '-passout',
    'pass:open sesame',
  );
  return {
    path,
    key: createPrivateKey(readFileSync(key)).export({ format: 'der', type: 'pkcs8' }),
  };
}

const secretPart: Record<string, (key: Buffer) => Buffer> = {
  rsa: (key) =>
    Buffer.from(
      createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }).p ?? '',
      'base64url',
    ),
  other: (key) =>
    Buffer.from(
      createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }).d ?? '',
      'base64url',
    ),
};

for (const [name, kind] of Object.entries({
  EC: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  RSA: ['rsa:2048'],
  Ed25519: ['ed25519'],
})) {
  test(`a PKCS #12 file with an ${name} key is imported, the key into the token and nowhere else`, async () => {
    const made = await pool();
    const { path, key } = pkcs12(made, kind);
    const passphrase = file(made, 'passphrase', 'open sesame\n');
    const args = ['identities', 'import', 'p12.example.com', path, '--passphrase-file', passphrase];
    const imported = await succeed(made, ...args);
    const known = await credentials(made, 'p12.example.com');
    assert.ok(known.some((each: Json) => each.key === imported.keyUri));
    const objects = tokenObjects(made, 'privkey').split('Private Key Object');
    for (const object of objects.filter((each) => each.includes('p12.example.com'))) {
      assert.match(object, /Access: +.*sensitive/);
    }
    const secret = (name === 'RSA' ? secretPart.rsa : secretPart.other)?.(key);
    assert.ok(secret && secret.length >= 32);
    for (const entry of readdirSync(made.stateDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = readFileSync(join(entry.parentPath, entry.name));
      assert.ok(!content.includes(secret), entry.name);
    }
  });
}

test('a passphrase comes from a private file or a person, and a wrong one is told', async () => {
  const made = await pool();
  const { path } = pkcs12(made, ['ed25519']);
  const args = ['identities', 'import', 'p12.example.com', path];
  const asked = await fail(made, 2, ...args);
  assert.match(asked.hint, /--passphrase-file/);
  const wrong = file(made, 'wrong', 'closed sesame\n');
  assert.equal((await fail(made, 1, ...args, '--passphrase-file', wrong)).code, 'wrong-passphrase');
  const exposed = file(made, 'exposed', 'open sesame\n', 0o644);
  assert.equal((await fail(made, 1, ...args, '--passphrase-file', exposed)).code, 'pin-exposed');
});

test('a certificate in PEM is imported for a key that is in the token', async () => {
  const made = await pool();
  // A key that some other program made there.
  const pin = readFileSync(join(made.stateDir, 'pin'), 'utf8').trim();
  const tool = (...args: string[]) =>
    execFileSync(
      'pkcs11-tool',
      ['--module', '/usr/lib/softhsm/libsofthsm2.so', '--login', '--pin', pin, ...args],
      {
        env: { ...process.env, SOFTHSM2_CONF: join(made.stateDir, 'softhsm2.conf') },
        stdio: 'pipe',
        timeout: patience,
      },
    );
  tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'foreign', '--id', '0102');
  const publicKey = tool('--read-object', '--type', 'pubkey', '--label', 'foreign');
  const root = makeRoot('Elsewhere');
  const leaf = make({ names: [dns('pem.example.com')], publicKey }, root);
  const chain = file(
    made,
    'chain.pem',
    formatPemCertificates([leaf.certificate, root.certificate]),
  );

  const args = ['identities', 'import', 'pem.example.com', chain];
  assert.match((await fail(made, 2, ...args)).hint, /--key/);
  const other = await succeed(made, 'identities', 'create', 'other.example.com');
  assert.equal((await fail(made, 1, ...args, '--key', other.keyUri)).code, 'key-mismatch');
  assert.equal((await fail(made, 1, ...args, '--key', 'pkcs11:object=nothing')).code, 'key-absent');
  const imported = await succeed(made, ...args, '--key', 'pkcs11:object=foreign');
  assert.match(imported.keyUri, /id=%01%02;object=foreign;type=private$/);
  assert.equal(imported.role, 'both');
});

test('certificates that could prove nothing are refused at import, with the reason', async () => {
  const made = await pool();
  const { keyUri } = await succeed(made, 'identities', 'create', 'key.example.com');
  const root = makeRoot();
  const names = [dns('www.example.net')];
  const chains: [RegExp, Buffer[]][] = [
    [/expired/, [make({ names, from: -20, until: -10 }, root).certificate]],
    [
      /for other\.example\.com, not for www/,
      [make({ names: [dns('other.example.com')] }, root).certificate],
    ],
    [/NUL/, [make({ names: [dns('www.example.net\0.evil.example')] }, root).certificate]],
  ];
  for (const [reason, chain] of chains) {
    const path = file(made, 'chain.pem', formatPemCertificates(chain));
    const error = await fail(
      made,
      1,
      'identities',
      'import',
      'www.example.net',
      path,
      '--key',
      keyUri,
    );
    assert.equal(error.code, 'unusable-certificate');
    assert.match(error.message, reason);
  }
  const good = make({ names }, root);
  const withKey =
    formatPemCertificates([good.certificate]) +
    formatPem('PRIVATE KEY', good.privateKey.export({ format: 'der', type: 'pkcs8' }));
  const path = file(made, 'with-key.pem', withKey);
  const clear = await fail(
    made,
    1,
    'identities',
    'import',
    'www.example.net',
    path,
    '--key',
    keyUri,
  );
  assert.equal(clear.code, 'key-in-clear');
  assert.deepEqual(await credentials(made, 'www.example.net'), []);
});

test('a file that is not there, empty or garbage is told so', async () => {
  const made = await pool();
  const args = ['identities', 'import', 'www.example.com'];
  assert.equal((await fail(made, 1, ...args, '/nonexistent')).code, 'unreadable-file');
  const passphrase = file(made, 'passphrase', 'open sesame\n');
  for (const content of ['', 'garbage', '\x30\x03\x02\x01\x03']) {
    const path = file(made, 'garbage', content);
    const error = await fail(made, 1, ...args, path, '--passphrase-file', passphrase);
    assert.equal(error.code, 'bad-pkcs12');
  }
  const empty = file(made, 'empty.pem', formatPem('CERTIFICATE REQUEST', Buffer.of(1)));
  assert.equal(
    (await fail(made, 1, ...args, empty, '--key', 'pkcs11:object=a')).code,
    'no-certificate',
  );
});

test('a key without its token says what is missing', async () => {
  const made = await newPool();
  const tokens = join(made.stateDir, 'tokens');
  for (const name of readdirSync(tokens)) rmSync(join(tokens, name), { recursive: true });
  const error = await fail(made, 1, 'identities', 'create', 'www.example.com');
  assert.equal(error.code, 'token-absent');
  assert.equal(
    (
      await fail(
        made,
        1,
        'identities',
        'create',
        'www.example.com',
        '--token',
        'pkcs11:token=other',
      )
    ).code,
    'no-token',
  );
});

test('what expires soon is listed alone, for renewal', async () => {
  const made = await newPool();
  await succeed(made, 'identities', 'create', 'short.example.com', '--days', '20');
  await succeed(made, 'identities', 'create', 'long.example.com');
  const expiring = await succeed(made, 'identities', 'list', '--expiring', '30');
  assert.deepEqual(
    expiring.identities.map(({ id }: Json) => id),
    ['short.example.com'],
  );
  const none = await made.tlspool('identities', 'list', '--expiring', '10');
  assert.match(none.stdout, /\n\nNone\.\n$/);
});

test('what the local CA signed is renewed in time, for as long and in the same token; what others know by its key is left', async () => {
  const made = await newPool();
  await succeed(made, 'identities', 'create', 'short.example.com', '--days', '20');
  await succeed(made, 'identities', 'create', 'long.example.com', '--key', 'rsa-2048');
  await succeed(made, 'identities', 'create', 'self.example.com', '--days', '20', '--self-signed');
  const early = await succeed(made, 'identities', 'renew');
  assert.deepEqual([early.renewed, early.left], [[], []]);

  const dry = await made.tlspool('identities', 'renew', '--within', '30', '--dry-run');
  assert.equal(dry.code, 1, dry.stderr);
  assert.match(dry.stdout, /^short\.example\.com \(server, ec-p256\) would be renewed$/m);
  assert.equal((await credentials(made, 'short.example.com')).length, 1);

  const { code, stdout } = await made.tlspool('identities', 'renew', '--within', '30', '--json');
  assert.equal(code, 1, stdout);
  const { renewed, left } = JSON.parse(stdout);
  assert.deepEqual(
    renewed.map(({ id }: Json) => id),
    ['short.example.com'],
  );
  assert.deepEqual(
    left.map(({ id, hint }: Json) => [id, hint]),
    [
      [
        'self.example.com',
        'Renew it: tlspool identities create self.example.com --renew --self-signed',
      ],
    ],
  );
  const [now, before] = await credentials(made, 'short.example.com');
  const days = (Date.parse(now.notAfter) - Date.parse(now.notBefore)) / 86_400_000;
  assert.equal(days, 20);
  assert.ok(now.number > before.number && now.key !== before.key);
});

test('what was revoked is not renewed unless somebody says so', async () => {
  const made = await newPool();
  await succeed(made, 'identities', 'create', 'gone.example.com');
  await succeed(made, 'ca', 'revoke', 'gone.example.com');
  const { code, stdout } = await made.tlspool('identities', 'renew', '--json');
  assert.equal(code, 1, stdout);
  const { renewed, left } = JSON.parse(stdout);
  assert.deepEqual(renewed, []);
  assert.equal(left[0].reason, 'was revoked by the local CA');
});
