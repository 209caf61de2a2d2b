import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listTokens } from '../../src/core/token/list-tokens.ts';
import { findSoftHsm } from '../../src/core/token/modules.ts';
import { entry } from '../built.ts';
import { PIN, softHsm } from '../core/token/softhsm-fixture.ts';
import { patience } from '../patience.ts';
import { outcomeOf } from './run-tlspool.ts';
import { stage } from './state-stage.ts';

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    yield join(entry.parentPath, entry.name);
  }
}

test('init makes a private state folder, asks nothing, and says what it made', async () => {
  using pool = stage();
  const { code, stdout, stderr } = await pool.tlspool('init', '--json');
  assert.equal(code, 0, stderr);
  const made = JSON.parse(stdout);
  assert.equal(made.stateDir, pool.stateDir);
  assert.match(made.token, /^pkcs11:model=.*;manufacturer=.*;serial=.*;token=tlspool$/);
  assert.equal(made.pinSource, `file:${join(pool.stateDir, 'pin')}`);
  assert.deepEqual(
    made.authorities.map(({ kind }: { kind: string }) => kind),
    ['ec', 'rsa'],
  );
  for (const { fingerprint, notAfter } of made.authorities) {
    assert.match(fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(new Date(notAfter).toISOString(), notAfter);
  }
  assert.equal(statSync(pool.stateDir).mode & 0o777, 0o700);
  for (const path of filesIn(pool.stateDir)) {
    assert.equal(statSync(path).mode & 0o077, 0, `${path} is private`);
  }
});

test("the roots' keys are in the token, never extractable, and nowhere else", async () => {
  using pool = stage();
  await pool.tlspool('init');
  const objects = execFileSync(
    'pkcs11-tool',
    [
      ...['--module', findSoftHsm(), '--token-label', 'tlspool', '--login', '--list-objects'],
      ...['--type', 'privkey', '--pin', readFileSync(join(pool.stateDir, 'pin'), 'utf8').trim()],
    ],
    {
      encoding: 'utf8',
      env: { ...process.env, SOFTHSM2_CONF: join(pool.stateDir, 'softhsm2.conf') },
      timeout: patience,
    },
  );
  const access = objects.match(/Access:.*/g) ?? [];
  assert.equal(access.length, 2);
  for (const line of access) assert.match(line, /sensitive, always sensitive, never extractable/);
  for (const path of filesIn(pool.stateDir)) {
    if (path.includes('/tokens/') || statSync(path).isDirectory()) continue;
    assert.doesNotMatch(readFileSync(path, 'latin1'), /PRIVATE KEY/);
  }
});

test('init refuses a folder that holds a state, and leaves it as it is', async () => {
  using pool = stage();
  await pool.tlspool('init');
  const before = [...filesIn(pool.stateDir)].sort();
  const { code, stdout } = await pool.tlspool('init', '--json');
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, 'state-exists');
  assert.deepEqual([...filesIn(pool.stateDir)].sort(), before);
});

test('what an interrupted init left is refused by name', async () => {
  using pool = stage();
  mkdirSync(join(pool.stateDir, 'tokens'), { recursive: true });
  const { code, stdout } = await pool.tlspool('init', '--json');
  assert.equal(code, 1);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'state-incomplete');
  assert.ok(error.message.includes(join(pool.stateDir, 'tokens')));
});

test('a state folder that is a file is refused', async () => {
  using pool = stage();
  writeFileSync(pool.stateDir, '');
  const { code, stdout } = await pool.tlspool('init', '--json');
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, 'state-unusable');
});

test('where no folder can be made, init says so', async () => {
  using pool = stage();
  const { code, stdout } = await pool.tlspool(
    'init',
    '--state-dir',
    '/proc/tlspool/state',
    '--json',
  );
  assert.equal(code, 1);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'state-unusable');
  assert.match(error.message, /^\/proc\/tlspool\/state cannot be written: no such file/);
});

test('of several that begin at once in one folder, one makes the state and the others leave it alone', async () => {
  using pool = stage();
  const outcomes = await Promise.all([1, 2, 3].map(() => pool.tlspool('init', '--json')));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1]);
  const listed = await pool.tlspool('tokens', 'list', '--json');
  assert.equal(JSON.parse(listed.stdout).tokens[0].present, true);
  assert.equal((await pool.tlspool('ca', 'export')).code, 0);
});

test('init uses a token that exists already, and writes no PIN', async () => {
  using pool = stage();
  using hsm = await softHsm('mine');
  const pinFile = join(pool.folder, 'my-pin');
  writeFileSync(pinFile, PIN, { mode: 0o600 });
  const args = ['init', '--json', '--module', hsm.config.path, '--token', 'pkcs11:token=mine'];
  const { code, stdout, stderr } = await outcomeOf(
    process.execPath,
    [entry, ...args, '--pin-source', `file:${pinFile}`, '--state-dir', pool.stateDir],
    { SOFTHSM2_CONF: hsm.config.softhsmConf },
  );
  assert.equal(code, 0, stderr + stdout);
  assert.equal(JSON.parse(stdout).token, hsm.uri);
  assert.deepEqual(
    readdirSync(pool.stateDir).filter((name) => !name.startsWith('store.sqlite')),
    [],
  );
  // SOFTHSM2_CONF is remembered: the pool finds the token without the variable.
  const listed = await pool.tlspool('tokens', 'list', '--json');
  const [token] = JSON.parse(listed.stdout).tokens;
  assert.deepEqual([token.uri, token.present, token.loginFrom], [hsm.uri, true, `file:${pinFile}`]);
});

test('a wrong PIN for a token that exists is tried once, and nothing is made', async () => {
  using pool = stage();
  using hsm = await softHsm('mine');
  const pinFile = join(pool.folder, 'my-pin');
  writeFileSync(pinFile, 'wrong', { mode: 0o600 });
  const args = ['init', '--json', '--module', hsm.config.path, '--token', 'pkcs11:token=mine'];
  const { code, stdout } = await outcomeOf(
    process.execPath,
    [entry, ...args, '--pin-source', `file:${pinFile}`, '--state-dir', pool.stateDir],
    { SOFTHSM2_CONF: hsm.config.softhsmConf },
  );
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, 'wrong-pin');
  assert.match(JSON.parse(stdout).error.message, /CKR_PIN_INCORRECT/);
  assert.equal(existsSync(pool.stateDir), false);
  assert.equal(listTokens([hsm.config], [])[0]?.pinState, 'count-low');
});

test('flags of a token of one’s own come together, and a PIN is never one', async () => {
  using pool = stage();
  for (const args of [
    ['--module', findSoftHsm()],
    ['--token', 'pkcs11:token=x'],
    ['--pin-source', 'file:/pin'],
    ['--pin', '1234'],
    [
      '--module',
      findSoftHsm(),
      '--token',
      'pkcs11:token=x?pin-value=1234',
      '--pin-source',
      'file:/pin',
    ],
    ['--module', findSoftHsm(), '--token', 'pkcs11:token=x', '--pin-source', '1234'],
  ]) {
    const { code, stdout } = await pool.tlspool('init', '--json', ...args);
    assert.equal(code, 2, args.join(' '));
    const { message, hint } = JSON.parse(stdout).error;
    assert.doesNotMatch(`${message} ${hint}`, /1234/);
    assert.equal(existsSync(pool.stateDir), false);
  }
});

/** In a mount namespace of its own, so that even root meets a full or read-only disk. */
async function initOn(mountOptions: string, below = '.') {
  using pool = stage();
  mkdirSync(pool.stateDir);
  const script = `mount -t tmpfs -o ${mountOptions} tmpfs "$1" && cd / && exec "$2" "$3" init --json --state-dir "$1/$4"`;
  return await outcomeOf('unshare', [
    ...['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'],
    ...[pool.stateDir, process.execPath, entry, below],
  ]);
}

test('a full disk is told as such', async () => {
  for (const size of ['4k', '64k', '128k']) {
    const { code, stdout, stderr } = await initOn(`mode=700,size=${size}`);
    assert.equal(code, 1, stderr);
    const { error } = JSON.parse(stdout);
    assert.match(error.code, /^(state-full|store-full|token-failed|token-full)$/, size);
    assert.match(`${error.message} ${error.hint}`, /disk/);
  }
});

test('a read-only state folder is told as such', async () => {
  for (const below of ['.', 'state', 'deep/state']) {
    const { code, stdout, stderr } = await initOn('ro', below);
    assert.equal(code, 1, stderr);
    const { error } = JSON.parse(stdout);
    assert.equal(error.code, 'state-unusable');
    assert.match(error.message, /cannot be written: read-only file system$/);
    assert.match(error.hint, /--state-dir/);
  }
});

test('ca export prints the roots, both or one, to stdout or a file', async () => {
  using pool = stage();
  await pool.tlspool('init');
  const certificates = (text: string) =>
    (text.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? []).map(
      (pem) => new X509Certificate(pem),
    );
  const both = await pool.tlspool('ca', 'export');
  assert.deepEqual(
    certificates(both.stdout).map(({ publicKey }) => publicKey.asymmetricKeyType),
    ['ec', 'rsa'],
  );
  const rsa = await pool.tlspool('ca', 'export', '--kind', 'rsa');
  assert.equal(certificates(rsa.stdout).length, 1);

  const out = join(pool.folder, 'ca.pem');
  const written = await pool.tlspool('ca', 'export', '--out', out);
  assert.deepEqual([written.code, written.stdout], [0, '']);
  assert.equal(readFileSync(out, 'utf8'), both.stdout);

  const json = await pool.tlspool('ca', 'export', '--json');
  assert.deepEqual(JSON.parse(json.stdout), { pem: both.stdout, out: null });
});

test('ca export without a state names init', async () => {
  using pool = stage();
  const { code, stderr } = await pool.tlspool('ca', 'export');
  assert.equal(code, 1);
  assert.match(stderr, /tlspool init/);
});
