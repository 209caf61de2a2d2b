import assert from 'node:assert/strict';
import { constants, verify } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keyring } from '../../../src/core/token/keyring.ts';
import type { PinSource } from '../../../src/core/token/pin-source.ts';
import { FaultyToken } from '../../native/faulty-token.ts';
import { type Kind, PIN, type SoftKey } from '../../native/soft-token.ts';
import { until } from '../../patience.ts';

const token = new FaultyToken();
const key = token.key('ec-p256', 'www');
const reports: string[] = [];
const keyrings: Keyring[] = [];
const report = (_details: object, message: string) => void reports.push(message);
const log = { info: report, warn: report, error: report };
const fromFile: PinSource = { kind: 'file', path: token.pinFile };

after(async () => {
  await Promise.all(keyrings.map((keyring) => keyring.close()));
  token[Symbol.dispose]();
});

/** The one before is closed, as there is one in a process. */
async function keyringWith(pinSource: PinSource | undefined): Promise<Keyring> {
  await keyrings.at(-1)?.close();
  token.order();
  token.writePin(PIN);
  chmodSync(token.pinFile, 0o600);
  reports.length = 0;
  const keyring = new Keyring({ modules: [token.shim], pinSource: () => pinSource, log });
  keyrings.push(keyring);
  return keyring;
}

const uriOf = ({ label }: SoftKey) => `${token.uri};object=${label};type=private`;

const schemes: Readonly<Record<string, { hash: string | null; padding?: number; salt?: number }>> =
  {
    1027: { hash: 'sha256' },
    1283: { hash: 'sha384' },
    2055: { hash: null },
    2052: { hash: 'sha256', padding: constants.RSA_PKCS1_PSS_PADDING, salt: 32 },
    2053: { hash: 'sha384', padding: constants.RSA_PKCS1_PSS_PADDING, salt: 48 },
    2054: { hash: 'sha512', padding: constants.RSA_PKCS1_PSS_PADDING, salt: 64 },
    1025: { hash: 'sha256', padding: constants.RSA_PKCS1_PADDING },
    1281: { hash: 'sha384', padding: constants.RSA_PKCS1_PADDING },
    1537: { hash: 'sha512', padding: constants.RSA_PKCS1_PADDING },
  };

/** As another implementation sees it. */
function isSignature(scheme: number, message: Buffer, soft: SoftKey, signature: Buffer): boolean {
  const { hash, padding, salt } = schemes[scheme] ?? { hash: '' };
  return verify(
    hash,
    message,
    {
      key: soft.publicKeyObject,
      ...(padding === undefined ? {} : { padding }),
      ...(salt === undefined ? {} : { saltLength: salt }),
    },
    signature,
  );
}

const kinds: readonly (readonly [Kind, readonly number[]])[] = [
  ['ec-p256', [0x0403]],
  ['ec-p384', [0x0503]],
  ['ed25519', [0x0807]],
  ['rsa-2048', [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601]],
  ['rsa-3072', [0x0804]],
];

for (const [kind, supported] of kinds) {
  const soft = token.key(kind, kind);
  test(`a key ${kind} in the token signs as TLS wants it, in every scheme`, async () => {
    const keyring = await keyringWith(fromFile);
    const handle = keyring.key(uriOf(soft), soft.publicKey);
    const message = Buffer.from('what is signed');
    for (const scheme of supported) {
      const signature = await keyring.sign(handle, scheme, message);
      assert.ok(isSignature(scheme, message, soft, signature), `scheme ${scheme.toString(16)}`);
    }
    await keyring.verify(handle);
  });
}

test('a token without PSS signs PSS all the same, by raw RSA', async () => {
  const soft = token.key('rsa-2048', 'no-pss');
  const keyring = await keyringWith(fromFile);
  token.order('hide d');
  const handle = keyring.key(uriOf(soft), soft.publicKey);
  for (const scheme of [0x0804, 0x0805, 0x0806]) {
    const signature = await keyring.sign(handle, scheme, Buffer.from('m'));
    assert.ok(isSignature(scheme, Buffer.from('m'), soft, signature));
  }
  // Without raw RSA, too, nothing can be done, and the token is not even asked.
  await keyring.close();
  token.order('hide d', 'hide 3');
  const poor = new Keyring({ modules: [token.shim], pinSource: () => fromFile, log });
  keyrings.push(poor);
  const again = poor.key(uriOf(soft), soft.publicKey);
  const calls = await token.calls('C_SignInit', () =>
    assert.rejects(poor.sign(again, 0x0804, Buffer.from('m')), { code: 'key-type-unsupported' }),
  );
  assert.equal(calls, 0);
});

test('an empty CKA_ALLOWED_MECHANISMS is no list', async () => {
  const keyring = await keyringWith(fromFile);
  token.order('no-mechanisms-allowed');
  await keyring.verify(keyring.key(uriOf(key), key.publicKey));
});

test('nothing is asked of the token until a key is used, and then it is found once', async () => {
  const keyring = await keyringWith(fromFile);
  let handle = 0;
  const finds = await token.calls('C_FindObjectsInit', async () => {
    const lists = await token.calls('C_GetSlotList', async () => {
      handle = keyring.key(uriOf(key), key.publicKey);
      assert.equal(keyring.tokens()[0]?.state, 'unused');
    });
    assert.equal(lists, 0);
    await Promise.all(
      Array.from({ length: 20 }, () => keyring.sign(handle, 0x0403, Buffer.from('m'))),
    );
  });
  assert.equal(finds, 1);
  // One for each worker that had nothing to do yet, of which there may be 32 by default.
  const sessions = await token.calls('C_OpenSession', async () => {
    for (let i = 0; i < 64; i += 1) await keyring.verify(handle);
  });
  assert.ok(sessions < 32, `${sessions} sessions`);
  assert.equal(await token.calls('C_FindObjectsInit', () => keyring.verify(handle)), 0);
});

test('the same key is the same handle until it is released as often as it was asked for', async () => {
  const keyring = await keyringWith(fromFile);
  const first = keyring.key(uriOf(key), key.publicKey);
  const id = key.id.toString('hex');
  assert.equal(keyring.key(uriOf(key), key.publicKey), first);
  assert.notEqual(keyring.key(`${token.uri};id=%${id}`, key.publicKey), first);
  keyring.release(first);
  await keyring.verify(first);
  keyring.release(first);
  await assert.rejects(keyring.verify(first));
  assert.notEqual(keyring.key(uriOf(key), key.publicKey), first);
});

test('a key that does not belong to the certificate is found out', async () => {
  const other = token.key('ec-p256', 'other');
  const keyring = await keyringWith(fromFile);
  await assert.rejects(keyring.verify(keyring.key(uriOf(key), other.publicKey)), {
    code: 'key-mismatch',
  });
});

test('a key that is not there is missing, and the token is well', async () => {
  const keyring = await keyringWith(fromFile);
  const missing = keyring.key(`${token.uri};object=nobody`, key.publicKey);
  const asked = () => assert.rejects(keyring.prepare(missing), { code: 'key-missing' });
  const start = performance.now();
  await asked();
  // Searches are slow in tokens with many objects: the answer stands for a second.
  const finds = await token.calls('C_FindObjectsInit', async () => {
    for (let time = 0; time < 20; time += 1) await asked();
  });
  const most = Math.floor((performance.now() - start) / 1_000);
  assert.ok(finds <= most, `${finds} searches, not ${most} at most`);
  assert.equal(keyring.tokens()[0]?.state, 'ready');
});

test('two keys of one name are told from each other only by their moduli', async () => {
  const twins = [token.key('rsa-2048', 'twin'), token.key('rsa-2048', 'twin')];
  const same = [token.key('ec-p256', 'double'), token.key('ec-p256', 'double')];
  const keyring = await keyringWith(fromFile);
  for (const twin of twins) await keyring.verify(keyring.key(uriOf(twin), twin.publicKey));
  for (const each of same) {
    await assert.rejects(keyring.prepare(keyring.key(uriOf(each), each.publicKey)), {
      code: 'key-ambiguous',
    });
  }
});

test('a wrong PIN is tried once, and again when its source has changed', async () => {
  const keyring = await keyringWith(fromFile);
  token.writePin('1111');
  const handle = keyring.key(uriOf(key), key.publicKey);
  const tries = await token.calls('C_Login', async () => {
    await assert.rejects(keyring.prepare(handle), { code: 'wrong-pin' });
    for (let i = 0; i < 5; i += 1) {
      await assert.rejects(keyring.prepare(handle), { code: 'wrong-pin' });
    }
    keyring.reload();
    await sleep(50);
  });
  assert.equal(tries, 1);
  const [status] = keyring.tokens();
  assert.equal(status?.state, 'wrong-pin');
  assert.equal(status?.lastError, 'CKR_PIN_INCORRECT');
  assert.equal(status?.pinState, 'count-low');
  assert.ok(reports.includes('a wrong PIN was given to the token: too many of them lock it'));

  token.writePin(PIN);
  const again = await token.calls('C_Login', async () => {
    await until('a token that is ready', () => keyring.tokens()[0]?.state === 'ready');
  });
  assert.equal(again, 1);
  await keyring.verify(handle);
  assert.equal(keyring.tokens()[0]?.pinState, 'ok');
});

test('reload reads a PIN source that has changed at once', async () => {
  const keyring = await keyringWith(fromFile);
  token.writePin('1111');
  const handle = keyring.key(uriOf(key), key.publicKey);
  await assert.rejects(keyring.prepare(handle), { code: 'wrong-pin' });
  token.writePin(PIN);
  keyring.reload();
  await until('a token that is ready', () => keyring.tokens()[0]?.state === 'ready');
  await keyring.verify(handle);
});

test('a PIN file that others may read is not used, and is once it is private', async () => {
  const keyring = await keyringWith(fromFile);
  chmodSync(token.pinFile, 0o644);
  const ready = keyring.prepare(keyring.key(uriOf(key), key.publicKey));
  await until('a complaint', () => /others may read the PIN file/.test(reports.join()));
  assert.equal(keyring.tokens()[0]?.state, 'needs-pin');
  chmodSync(token.pinFile, 0o600);
  await ready;
  assert.ok(reports.includes('the token needs its PIN: it is taken from its source'));
  assert.ok(!reports.includes('the token waits for its PIN'));
});

test('without a PIN source a token waits for login, and so do signatures, while another goes on', async () => {
  token.add('second');
  const elsewhere = token.key('ec-p256', 'elsewhere', 'second');
  await keyrings.at(-1)?.close();
  token.order();
  const keyring = new Keyring({
    modules: [token.shim],
    pinSource: (uri) => (uri === token.uri ? undefined : fromFile),
    log,
  });
  keyrings.push(keyring);
  const handle = keyring.key(uriOf(key), key.publicKey);
  const waiting = keyring.sign(handle, 0x0403, Buffer.from('m'));
  const [needy] = await once(keyring, 'needs-pin');
  assert.equal(needy, token.uri);
  await keyring.verify(keyring.key('pkcs11:token=second;object=elsewhere', elsewhere.publicKey));
  assert.equal(keyring.tokens().find(({ uri }) => uri.includes('token=soft'))?.waiting, 1);

  assert.ok(reports.includes('the token waits for its PIN'));
  const pin = Buffer.from(PIN);
  await keyring.login(token.uri, pin);
  assert.ok(pin.every((byte) => byte === 0));
  assert.ok(isSignature(0x0403, Buffer.from('m'), key, await waiting));
});

test('a PIN that one attempt more would lock is not used by itself', async () => {
  const keyring = await keyringWith(fromFile);
  token.order('flags 20000');
  const handle = keyring.key(uriOf(key), key.publicKey);
  const ready = keyring.prepare(handle);
  await once(keyring, 'needs-pin');
  assert.equal(await token.calls('C_Login', () => sleep(50)), 0);
  assert.equal(keyring.tokens()[0]?.pinState, 'final-try');
  await keyring.login(token.uri, Buffer.from(PIN));
  await ready;
});

test('a locked token is told so, and not tried', async () => {
  const keyring = await keyringWith(fromFile);
  token.order('fail C_Login a4 1');
  const handle = keyring.key(uriOf(key), key.publicKey);
  await assert.rejects(keyring.prepare(handle), { code: 'pin-locked' });
  assert.equal(await token.calls('C_Login', () => assert.rejects(keyring.prepare(handle))), 0);
  assert.equal(keyring.tokens()[0]?.state, 'locked');
});

test('keys that ask for the PIN at each signature get it', async () => {
  const keyring = await keyringWith(fromFile);
  token.order('always-authenticate');
  const handle = keyring.key(uriOf(key), key.publicKey);
  // One log-in to the token, and one for each signature.
  const logins = await token.calls('C_Login', async () => {
    for (let i = 0; i < 3; i += 1) await keyring.verify(handle);
  });
  assert.equal(logins, 4);
});

test('keys that ask for the PIN at each signature have it asked for each time, where that is configured', async () => {
  await keyrings.at(-1)?.close();
  token.order('always-authenticate');
  const options = { modules: [token.shim], pinSource: () => undefined, log };
  const keyring = new Keyring({ ...options, askForEachSignature: true });
  keyrings.push(keyring);
  let asked = 0;
  keyring.on('needs-pin', (needy) => {
    asked += 1;
    keyring.enter(needy, Buffer.from(PIN)).catch(() => undefined);
  });
  const handle = keyring.key(uriOf(key), key.publicKey);
  for (let i = 0; i < 3; i += 1) await keyring.verify(handle);
  assert.equal(asked, 3);
});

test('a token that seems to wait for a touch is said to, once', async () => {
  const keyring = await keyringWith(fromFile);
  token.order('delay C_Sign 5500000');
  const said = () => reports.filter((each) => each.includes('touch')).length;
  const signed = keyring.verify(keyring.key(uriOf(key), key.publicKey));
  await until('word of a touch', () => said() > 0);
  assert.equal(keyring.tokens()[0]?.awaitsTouch, true);
  await signed;
  assert.equal(said(), 1);
  assert.equal(keyring.tokens()[0]?.awaitsTouch, false);
});

test('a module that is none is reported, and its keys are absent', async () => {
  await keyrings.at(-1)?.close();
  reports.length = 0;
  const path = `${token.folder}/none.so`;
  writeFileSync(path, 'no library');
  const keyring = new Keyring({ modules: [{ path }], pinSource: () => undefined, log });
  keyrings.push(keyring);
  assert.match(reports[0] ?? '', /cannot use the PKCS #11 module/);
  const handle = keyring.key('pkcs11:token=nowhere;object=x', key.publicKey);
  await assert.rejects(keyring.prepare(handle), { code: 'token-absent' });
  assert.equal(keyring.tokens()[0]?.state, 'absent');
});

test('URIs of other things than private keys, and keys of other kinds, are refused', async () => {
  const keyring = await keyringWith(fromFile);
  const refused = (uri: string, publicKey: Buffer, code: string) =>
    assert.throws(() => keyring.key(uri, publicKey), { code });
  refused(`${token.uri};type=cert`, key.publicKey, 'not-a-private-key');
  refused('pkcs11:slot-id=1', key.publicKey, 'bad-pkcs11-uri');
  refused(token.uri, Buffer.from('30', 'hex'), 'key-type-unsupported');
});

test('several tokens of one name are not confused: nobody gets a PIN', async () => {
  const keyring = await keyringWith(fromFile);
  const handle = keyring.key('pkcs11:manufacturer=SoftHSM%20project;object=www', key.publicKey);
  assert.equal(
    await token.calls('C_Login', () =>
      assert.rejects(keyring.prepare(handle), { code: 'token-ambiguous' }),
    ),
    0,
  );
});

test('listed tokens have complete URIs, and SoftHSM left nothing in the environment', async () => {
  const keyring = await keyringWith(fromFile);
  keyring.open(token.uri);
  await keyring.prepareToken(token.uri);
  const [status] = keyring.tokens();
  assert.match(
    status?.uri ?? '',
    /^pkcs11:model=SoftHSM%20v2;manufacturer=.*;serial=\w+;token=soft$/,
  );
  assert.equal(status?.loginFrom, `file:${token.pinFile}`);
  assert.equal(status?.label, 'soft');
  assert.equal(process.env.SOFTHSM2_CONF, undefined);
});

test('to close is to serve what is queued, to log out and to close all sessions', async () => {
  const keyring = await keyringWith(fromFile);
  const handle = keyring.key(uriOf(key), key.publicKey);
  await keyring.prepare(handle);
  token.order('delay C_Sign 20000');
  const signatures = Array.from({ length: 8 }, () =>
    keyring.sign(handle, 0x0403, Buffer.from('m')),
  );
  let closed: Promise<void> | undefined;
  const opened = await token.calls('C_CloseSession', async () => {
    const logouts = await token.calls('C_Logout', async () => {
      closed = keyring.close();
      await closed;
    });
    assert.equal(logouts, 1);
    await sleep(50);
  });
  assert.ok(opened >= 1);
  for (const signature of signatures) assert.ok((await signature).length > 0);
});
