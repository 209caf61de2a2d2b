import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { initializeToken, requireBlankToken } from '../../../src/core/token/initialize-token.ts';
import { listTokens } from '../../../src/core/token/list-tokens.ts';
import { LoadedModule } from '../../../src/core/token/loaded-module.ts';
import { findSoftHsm } from '../../../src/core/token/modules.ts';
import { createSoftHsm } from '../../../src/core/token/softhsm.ts';
import { openToken } from '../../../src/core/token/token-session.ts';
import { parsePkcs11Uri } from '../../../src/core/token/uri.ts';
import { addToken, PIN, SO_PIN, type SoftHsm, softHsm } from './softhsm-fixture.ts';

let hsm: SoftHsm;
before(async () => {
  hsm = await softHsm();
});
after(() => hsm[Symbol.dispose]());

test("a token's URI is complete: model, manufacturer, serial number and label, and no slot", () => {
  const { model, manufacturer, serial, token } = parsePkcs11Uri(hsm.uri);
  assert.deepEqual([model, manufacturer, token], ['SoftHSM v2', 'SoftHSM project', 'test']);
  assert.match(serial ?? '', /^[0-9a-f]{16}$/);
});

test('a wrong PIN is told by name, tried once, and leaves nothing open', () => {
  assert.throws(() => hsm.open('wrong-pin'), {
    code: 'wrong-pin',
    message: /CKR_PIN_INCORRECT/,
    returnValue: { value: 0xa0, name: 'CKR_PIN_INCORRECT' },
  });
  const [listed] = listTokens([hsm.config], []);
  assert.equal(listed?.pinState, 'count-low');
  using session = hsm.open();
  assert.equal(session.uri, hsm.uri);
});

test('a PIN that is not text is refused without a try', () => {
  assert.throws(() => openToken(hsm.config, hsm.uri, Buffer.of(0xff, 0xfe)), {
    code: 'pin-malformed',
  });
});

test('a token that is not there is told together with those that are', () => {
  assert.throws(
    () => openToken(hsm.config, 'pkcs11:token=other'),
    (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'token-absent');
      return error.hint.includes(hsm.uri);
    },
  );
});

test('a URI that several tokens match is refused', async () => {
  using other = await softHsm('first');
  addToken(other.config, 'second');
  assert.throws(() => openToken(other.config, 'pkcs11:model=SoftHSM%20v2'), {
    code: 'token-ambiguous',
  });
  using session = openToken(other.config, 'pkcs11:token=second', Buffer.from(PIN));
  assert.equal(session.attributes.token, 'second');
});

test('a label that is taken, empty or longer than a token has room for is refused', () => {
  using module = LoadedModule.open(hsm.config);
  const soPin = Buffer.from(SO_PIN);
  const blank = requireBlankToken(module);
  assert.throws(() => initializeToken(module, blank, { label: 'test', soPin }), {
    code: 'token-label-taken',
  });
  for (const label of ['', 'x'.repeat(33), 'ä'.repeat(17), 'a\nb']) {
    assert.throws(() => initializeToken(module, blank, { label, soPin }), { code: 'bad-label' });
  }
  assert.equal(listTokens([hsm.config], []).length, 1);
});

test('one process takes one SoftHSM configuration at a time, and says so', async () => {
  using other = await softHsm('other');
  using session = hsm.open();
  assert.throws(() => other.open(), { code: 'softhsm-conf-conflict' });
  session.close();
  other.open().close();
});

test('SOFTHSM2_CONF is not left in the environment that children get', () => {
  const before = process.env.SOFTHSM2_CONF;
  using session = hsm.open();
  assert.equal(process.env.SOFTHSM2_CONF, before);
  assert.ok(session.uri);
});

test('sessions are counted: closing one keeps the others logged in', () => {
  using first = hsm.open();
  const second = hsm.open();
  second.close();
  second.close();
  assert.deepEqual(first.find([]).length, 0);
});

test('what is no PKCS #11 module is refused by name', () => {
  assert.throws(() => LoadedModule.open({ path: '/nonexistent.so' }), { code: 'no-module' });
  assert.throws(() => LoadedModule.open({ path: 'relative.so' }), { exit: 2 });
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-module-'));
  const path = join(folder, 'module.so');
  writeFileSync(path, 'not a library');
  assert.throws(() => LoadedModule.open({ path }), { code: 'bad-module' });
  rmSync(folder, { recursive: true });
  assert.throws(() => findSoftHsm(['/nonexistent.so']), { hint: /softhsm2/ });
});

test('listings show registered tokens that are absent, and why', () => {
  const gone = 'pkcs11:serial=0000;token=gone';
  const listed = listTokens(
    [hsm.config, { path: '/nonexistent.so' }],
    [
      { uri: hsm.uri, modulePath: hsm.config.path, pinSource: { kind: 'file', path: '/pin' } },
      { uri: gone, modulePath: hsm.config.path, pinSource: undefined },
      { uri: 'pkcs11:token=far', modulePath: '/nonexistent.so', pinSource: undefined },
    ],
  );
  assert.deepEqual(
    listed.map(({ label, present, registered, loginFrom, lastError }) => ({
      label,
      present,
      registered,
      loginFrom,
      lastError,
    })),
    [
      {
        label: 'test',
        present: true,
        registered: true,
        loginFrom: 'file:/pin',
        lastError: undefined,
      },
      {
        label: 'gone',
        present: false,
        registered: true,
        loginFrom: undefined,
        lastError: 'CKR_TOKEN_NOT_PRESENT',
      },
      {
        label: 'far',
        present: false,
        registered: true,
        loginFrom: undefined,
        lastError: 'there is no PKCS #11 module at /nonexistent.so',
      },
    ],
  );
});

test('a folder that SoftHSM cannot be configured for is refused', async () => {
  for (const folder of ['/tmp/a#b', '/tmp/a=b', '/tmp/a\nb']) {
    await assert.rejects(createSoftHsm(folder), { code: 'bad-state-dir' });
  }
});
