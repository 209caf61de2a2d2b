import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createToken } from '../../../src/core/token/create-token.ts';
import { listTokens } from '../../../src/core/token/list-tokens.ts';
import { createPinFile, readPin } from '../../../src/core/token/pin-source.ts';
import { openToken } from '../../../src/core/token/token-session.ts';
import { type SoftHsm, softHsm } from './softhsm-fixture.ts';

let hsm: SoftHsm;
before(async () => {
  hsm = await softHsm();
});
after(() => hsm[Symbol.dispose]());

test('random PINs go into private files, and open the token', async () => {
  const pinFile = join(hsm.folder, 'pin');
  const soPinFile = join(hsm.folder, 'so-pin');
  const created = await createToken(hsm.config, {
    label: 'new',
    pin: { newFile: pinFile },
    soPin: { newFile: soPinFile },
  });
  assert.deepEqual(created.pinSource, { kind: 'file', path: pinFile });
  for (const path of [pinFile, soPinFile]) {
    assert.match(readFileSync(path, 'utf8'), /^\d{48}\n$/);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }
  assert.notEqual(readFileSync(pinFile, 'utf8'), readFileSync(soPinFile, 'utf8'));
  openToken(hsm.config, created.uri, await readPin(created.pinSource)).close();
});

test('a PIN that someone else chose is taken from its source', async () => {
  const path = join(hsm.folder, 'chosen');
  const pin = await createPinFile(path, Buffer.from('chosen-by-hand'));
  const soPin = { newFile: join(hsm.folder, 'so-pin-2') };
  const { uri } = await createToken(hsm.config, { label: 'chosen', pin, soPin });
  openToken(hsm.config, uri, Buffer.from('chosen-by-hand')).close();
});

test('a token that does not come to be leaves no PIN files, and others are never overwritten', async () => {
  const pinFile = join(hsm.folder, 'pin-3');
  const soPinFile = join(hsm.folder, 'so-pin-3');
  const order = { pin: { newFile: pinFile }, soPin: { newFile: soPinFile } };
  await assert.rejects(createToken(hsm.config, { label: 'test', ...order }), {
    code: 'token-label-taken',
  });
  assert.equal(existsSync(pinFile) || existsSync(soPinFile), false);

  await createPinFile(soPinFile, Buffer.from('precious'));
  await assert.rejects(createToken(hsm.config, { label: 'third', ...order }), {
    code: 'pin-file-exists',
  });
  assert.equal(existsSync(pinFile), false);
  assert.equal(readFileSync(soPinFile, 'utf8'), 'precious\n');
});

test('a PIN that is too short for the token is refused before anything is done', async () => {
  const pin = await createPinFile(join(hsm.folder, 'short'), Buffer.from('12'));
  const soPin = { newFile: join(hsm.folder, 'so-pin-4') };
  await assert.rejects(createToken(hsm.config, { label: 'short', pin, soPin }), {
    code: 'pin-malformed',
    message: /4 to 255 bytes/,
  });
  assert.equal(existsSync(soPin.newFile), false);
  assert.ok(listTokens([hsm.config], []).every(({ label }) => label !== 'short'));
});
