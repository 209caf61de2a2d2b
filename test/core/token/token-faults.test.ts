import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findKey } from '../../../src/core/token/find-key.ts';
import { generateKeyPair } from '../../../src/core/token/keys.ts';
import { listTokens } from '../../../src/core/token/list-tokens.ts';
import type { ModuleConfig } from '../../../src/core/token/modules.ts';
import { signer } from '../../../src/core/token/signer.ts';
import { openToken } from '../../../src/core/token/token-session.ts';
import { patience } from '../../patience.ts';
import { PIN, type SoftHsm, softHsm } from './softhsm-fixture.ts';

const root = join(import.meta.dirname, '../../..');

let hsm: SoftHsm;
let config: ModuleConfig;
let keyUri: string;

before(async () => {
  execFileSync('make', ['-s', '-C', join(root, 'test/fault-shim')], { timeout: patience });
  hsm = await softHsm();
  {
    using session = hsm.open();
    ({ uri: keyUri } = await generateKeyPair(session, 'ec-p256', 'www.example.com'));
  }
  process.env.FAULT_SHIM_CONTROL = join(hsm.folder, 'orders');
  process.env.FAULT_SHIM_LOG = join(hsm.folder, 'calls');
  process.env.FAULT_SHIM_PIN = PIN;
  config = { path: join(root, 'build/fault-shim.so'), softhsmConf: hsm.config.softhsmConf };
});
after(() => hsm[Symbol.dispose]());

/** From now on the token misbehaves so. */
function order(...orders: string[]): void {
  const path = join(hsm.folder, 'orders');
  writeFileSync(`${path}.new`, orders.map((each) => `${each}\n`).join(''));
  renameSync(`${path}.new`, path);
}

/** How often the function was called while `during` ran. */
function calls(name: string, during: () => void): number {
  const count = () => {
    const path = join(hsm.folder, 'calls');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    return lines.filter((line) => line.startsWith(name)).length;
  };
  const before = count();
  during();
  return count() - before;
}

const open = (pin = PIN) => openToken(config, hsm.uri, Buffer.from(pin));

test('a PIN is tried once, whether right or wrong', () => {
  order();
  assert.equal(
    calls('C_Login', () => open().close()),
    1,
  );
  assert.equal(
    calls('C_Login', () => assert.throws(() => open('wrong'), { code: 'wrong-pin' })),
    1,
  );
});

test('a PIN that is locked, or one wrong one from it, is not tried at all', () => {
  for (const [flags, code] of [
    ['40000', 'pin-locked'],
    ['20000', 'pin-final-try'],
  ] as const) {
    order(`flags ${flags}`);
    assert.equal(
      calls('C_Login', () => assert.throws(() => open(), { code })),
      0,
    );
  }
});

test('listings tell the state of the PIN', () => {
  const state = () => listTokens([config], []).find(({ uri }) => uri === hsm.uri)?.pinState;
  for (const [flags, expected] of [
    ['0', 'ok'],
    ['10000', 'count-low'],
    ['30000', 'final-try'],
    ['70000', 'locked'],
  ] as const) {
    order(`flags ${flags}`);
    // The wrong PIN above left its mark, which the right one takes away.
    if (expected === 'ok') open().close();
    assert.equal(state(), expected);
  }
});

test('a token that is gone is told as absent', () => {
  order('absent');
  assert.throws(() => open(), { code: 'token-absent' });
  const known = { uri: hsm.uri, modulePath: config.path, pinSource: undefined };
  const [listed] = listTokens([config], [known]);
  assert.deepEqual([listed?.present, listed?.lastError], [false, 'CKR_TOKEN_NOT_PRESENT']);
});

test('a module that fails shows in the listing by the name of its return value', () => {
  order('fail C_GetSlotList 5 1');
  const known = { uri: hsm.uri, modulePath: config.path, pinSource: undefined };
  const [listed] = listTokens([config], [known]);
  assert.equal(listed?.lastError, 'CKR_GENERAL_ERROR');
});

test('a signature that fails tells the return value by name, and what was attempted', async () => {
  for (const [value, name, code] of [
    ['30', 'CKR_DEVICE_ERROR', 'token-failed'],
    ['32', 'CKR_DEVICE_REMOVED', 'token-absent'],
    ['31', 'CKR_DEVICE_MEMORY', 'token-full'],
    ['80000001', 'CKR 0x80000001', 'token-failed'],
  ] as const) {
    order(`fail C_Sign ${value} 1`);
    using session = open();
    await assert.rejects(
      signer(session, keyUri)({ name: 'ECDSA', hash: 'SHA-256' }, Buffer.from('x')),
      {
        code,
        message: new RegExp(`cannot sign with pkcs11:.*${name}`),
        returnValue: { value: Number.parseInt(value, 16), name },
      },
    );
  }
});

test('a key that wants the PIN for each signature gets it', async () => {
  order('always-authenticate');
  using session = open();
  assert.equal(findKey(session, keyUri).alwaysAuthenticate, true);
  const sign = signer(session, keyUri);
  for (let count = 0; count < 2; count += 1) {
    const signature = await sign({ name: 'ECDSA', hash: 'SHA-256' }, Buffer.from('x'));
    assert.equal(signature.length, 64);
  }
});

test('a token without a free session says so', () => {
  order('sessions 0');
  assert.throws(() => open(), { returnValue: { value: 0xb1, name: 'CKR_SESSION_COUNT' } });
  rmSync(join(hsm.folder, 'orders'));
});
