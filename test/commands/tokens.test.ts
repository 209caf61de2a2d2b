import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findSoftHsm } from '../../src/core/token/modules.ts';
import { entry } from '../built.ts';
import { PIN, softHsm } from '../core/token/softhsm-fixture.ts';
import { outcomeOf } from './run-tlspool.ts';
import { stage, stageWithState } from './state-stage.ts';

test('tokens init makes a further token with PINs of its own, and tokens list shows both', async () => {
  using pool = await stageWithState();
  const made = await pool.tlspool('tokens', 'init', '--label', 'mail', '--json');
  assert.equal(made.code, 0, made.stdout);
  const { uri, pinSource, soPinSource } = JSON.parse(made.stdout);
  assert.match(uri, /;token=mail$/);
  for (const source of [pinSource, soPinSource]) {
    const path = source.slice('file:'.length);
    assert.ok(path.startsWith(pool.stateDir));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(readFileSync(path, 'utf8'), /^\d{48}\n$/);
  }
  const { stdout } = await pool.tlspool('tokens', 'list', '--json');
  const { stateDir, tokens } = JSON.parse(stdout);
  assert.equal(stateDir, pool.stateDir);
  assert.deepEqual(
    tokens
      .map((token: Record<string, unknown>) => [token.label, token.pinState, token.registered])
      .sort(),
    [
      ['mail', 'ok', true],
      ['tlspool', 'ok', true],
    ],
  );
});

test('a listing has complete URIs and no slots', async () => {
  using pool = await stageWithState();
  const { stdout } = await pool.tlspool('tokens', 'list');
  assert.match(stdout, new RegExp(`^State folder: ${pool.stateDir}$`, 'm'));
  assert.match(
    stdout,
    /pkcs11:model=SoftHSM%20v2;manufacturer=\S+;serial=[0-9a-f]{16};token=tlspool$/m,
  );
  assert.doesNotMatch(stdout, /slot/i);
});

test('a label that is taken is refused, and no PIN file is left', async () => {
  using pool = await stageWithState();
  const { code, stdout } = await pool.tlspool('tokens', 'init', '--label', 'tlspool', '--json');
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, 'token-label-taken');
  assert.throws(() => statSync(join(pool.stateDir, 'pin-tlspool')), { code: 'ENOENT' });
});

test('a token that exists is taken into use with its PIN source, which can be changed', async () => {
  using pool = await stageWithState();
  const made = await pool.tlspool('tokens', 'init', '--label', 'mail', '--json');
  const { uri, pinSource } = JSON.parse(made.stdout);
  const moved = join(pool.folder, 'mail-pin');
  writeFileSync(moved, readFileSync(pinSource.slice('file:'.length)), { mode: 0o600 });

  const args = ['tokens', 'init', '--json', '--token', 'pkcs11:token=mail', '--pin-source'];
  const changed = await pool.tlspool(...args, `file:${moved}`);
  assert.equal(changed.code, 0, changed.stdout);
  assert.deepEqual(JSON.parse(changed.stdout), {
    uri,
    module: findSoftHsm(),
    pinSource: `file:${moved}`,
    soPinSource: null,
  });
  writeFileSync(moved, 'wrong\n');
  const refused = await pool.tlspool(...args, `file:${moved}`);
  assert.equal(JSON.parse(refused.stdout).error.code, 'wrong-pin');
  const unknown = await pool.tlspool(...args.with(4, 'pkcs11:token=other'), `file:${moved}`);
  assert.equal(unknown.code, 2);
  assert.match(JSON.parse(unknown.stdout).error.hint, /--module/);
});

test('a PIN that only the daemon gets, as a credential, is given in a file for now', async () => {
  using pool = await stageWithState();
  const args = ['tokens', 'init', '--json', '--token', 'pkcs11:token=tlspool'];
  const source = ['--pin-source', 'credential:web-pin'];
  const refused = await pool.tlspool(...args, ...source);
  assert.equal(refused.code, 1);
  assert.match(JSON.parse(refused.stdout).error.hint, /--pin-file/);
  const done = await pool.tlspool(...args, ...source, '--pin-file', join(pool.stateDir, 'pin'));
  assert.equal(done.code, 0, done.stdout);
  assert.equal(JSON.parse(done.stdout).pinSource, 'credential:web-pin');
});

test('two configurations of one SoftHSM are refused', async () => {
  using pool = await stageWithState();
  using hsm = await softHsm('other');
  const pinFile = join(pool.folder, 'pin');
  writeFileSync(pinFile, PIN, { mode: 0o600 });
  const args = ['tokens', 'init', '--json', '--module', hsm.config.path];
  const { code, stdout } = await outcomeOf(
    process.execPath,
    [entry, ...args, '--token', 'pkcs11:token=other', '--pin-source', `file:${pinFile}`],
    { TLSPOOL_STATE_DIR: pool.stateDir, SOFTHSM2_CONF: hsm.config.softhsmConf },
  );
  assert.equal(code, 1);
  assert.match(JSON.parse(stdout).error.code, /softhsm-conf-conflict|token-absent/);
});

test('a token whose files are gone is listed as absent', async () => {
  using pool = await stageWithState();
  rmSync(join(pool.stateDir, 'tokens'), { recursive: true });
  const { code, stdout } = await pool.tlspool('tokens', 'list', '--json');
  assert.equal(code, 0);
  const [token] = JSON.parse(stdout).tokens;
  assert.deepEqual([token.present, token.pinState], [false, null]);
  assert.match(token.lastError, /^CKR_/);
});

test('the configuration names a token too, with a state folder or without', async () => {
  using pool = stage();
  using hsm = await softHsm('configured');
  const conf = join(pool.folder, 'tlspool.conf');
  const pinFile = join(pool.folder, 'pin');
  writeFileSync(
    conf,
    `pkcs11_path ${hsm.config.path}\npkcs11_token pkcs11:token=configured\npkcs11_pin_file ${pinFile}\n`,
  );
  const listed = async () => {
    const { code, stdout, stderr } = await outcomeOf(
      process.execPath,
      [entry, 'tokens', 'list', '--json', '--state-dir', pool.stateDir, '--config', conf],
      { SOFTHSM2_CONF: hsm.config.softhsmConf },
    );
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout).tokens.map((token: Record<string, unknown>) => [
      token.label,
      token.present,
      token.loginFrom,
    ]);
  };
  assert.deepEqual(await listed(), [['configured', true, `file:${pinFile}`]]);
  await pool.tlspool('init');
  // One SoftHSM, two configurations: the store's is used, and the other token is told as absent.
  assert.deepEqual(await listed(), [
    ['tlspool', true, `file:${join(pool.stateDir, 'pin')}`],
    ['configured', false, `file:${pinFile}`],
  ]);
});

test('a token in the configuration needs its module', async () => {
  using pool = stage();
  const conf = join(pool.folder, 'tlspool.conf');
  writeFileSync(conf, 'pkcs11_token pkcs11:token=configured\n');
  const { code, stderr } = await pool.tlspool('tokens', 'list', '--config', conf);
  assert.equal(code, 1);
  assert.match(stderr, /pkcs11_path/);
});

test('a module can be looked into without any state', async () => {
  using hsm = await softHsm('lone');
  const { code, stdout, stderr } = await outcomeOf(
    process.execPath,
    [entry, 'tokens', 'list', '--json', '--module', hsm.config.path],
    { SOFTHSM2_CONF: hsm.config.softhsmConf },
  );
  assert.equal(code, 0, stderr);
  const { stateDir, tokens } = JSON.parse(stdout);
  assert.equal(stateDir, null);
  assert.deepEqual(tokens, [
    {
      uri: hsm.uri,
      label: 'lone',
      module: hsm.config.path,
      present: true,
      registered: false,
      pinState: 'ok',
      loginFrom: null,
      state: null,
      lastError: null,
    },
  ]);
});

test('without a state, tokens list and tokens init name init', async () => {
  using pool = stage();
  for (const args of [['list'], ['init', '--label', 'x']]) {
    const { code, stderr } = await pool.tlspool('tokens', ...args);
    assert.equal(code, 1);
    assert.match(stderr, /tlspool init/);
  }
});

test('a module without a token is no reason to make one in files', async () => {
  using hsm = await softHsm('gone');
  rmSync(join(hsm.folder, 'tokens'), { recursive: true });
  mkdirSync(join(hsm.folder, 'tokens'));
  const { path, softhsmConf } = hsm.config;
  const args = [entry, 'tokens', 'list', '--module', path];
  const { code, stdout } = await outcomeOf(process.execPath, args, { SOFTHSM2_CONF: softhsmConf });
  assert.equal(code, 0);
  const [said, advice] = stdout.split('\n');
  assert.equal(said?.startsWith(`${path} shows no token that can be used`), true, stdout);
  assert.ok(advice?.endsWith(`--label NAME --module ${path}`), stdout);
});
