import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { after, test } from 'node:test';
import { Keyring } from '../../src/core/token/keyring.ts';
import { patience, until } from '../patience.ts';
import { SoftToken } from './soft-token.ts';

const token = new SoftToken();
const key = token.key('ec-p256', 'www');
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const keyring = new Keyring({
  modules: [token.config],
  pinSource: () => ({ kind: 'file', path: token.pinFile }),
  log: silent,
  revivalInterval: 200,
});

after(async () => {
  await keyring.close();
  token[Symbol.dispose]();
});

const sign = (handle: number) => keyring.sign(handle, 0x0403, Buffer.from('m'));

/** Tried again and again as handshakes would. */
async function untilSigned(handle: number): Promise<void> {
  const isSigned = () =>
    sign(handle).then(
      () => true,
      () => false,
    );
  await until('a signature', isSigned);
}

test("SoftHSM's token goes and comes back, and nobody restarts anything", async () => {
  const handle = keyring.key(`${token.uri};object=www`, key.publicKey);
  await sign(handle);
  for (let i = 0; i < 3; i += 1) {
    renameSync(token.tokensFolder, `${token.tokensFolder}.gone`);
    await assert.rejects(async () => {
      const start = performance.now();
      // It signs on with what it has in memory for a while.
      while (performance.now() - start < patience) await sign(handle);
    });
    renameSync(`${token.tokensFolder}.gone`, token.tokensFolder);
    await untilSigned(handle);
    assert.equal(keyring.tokens()[0]?.state, 'ready');
  }
});

test('a token that is made after the start is found', async () => {
  token.add('later');
  const late = token.key('ec-p256', 'late', 'later');
  const handle = keyring.key('pkcs11:token=later;object=late', late.publicKey);
  await untilSigned(handle);
});

test('a key that is made after the start is found', async () => {
  const late = token.key('ed25519', 'ed');
  const handle = keyring.key(`${token.uri};object=ed`, late.publicKey);
  await keyring.verify(handle);
});
