import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyHandle } from '../../src/core/engine/types.ts';
import { Keyring } from '../../src/core/token/keyring.ts';
import { until } from '../patience.ts';
import { FaultyToken } from './faulty-token.ts';

/** ms; the module's own limit of 30 s would make these tests slow. */
const REVIVAL_INTERVAL = 300;

const token = new FaultyToken();
const key = token.key('ec-p256', 'www');
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const keyring = new Keyring({
  modules: [token.shim],
  pinSource: () => ({ kind: 'file', path: token.pinFile }),
  log: silent,
  revivalInterval: REVIVAL_INTERVAL,
});
const handle: KeyHandle = keyring.key(`${token.uri};object=www`, key.publicKey);
const message = Buffer.from('m');
const sign = () => keyring.sign(handle, 0x0403, message);

after(async () => {
  token.order();
  await keyring.close();
  token[Symbol.dispose]();
});

beforeEach(async () => {
  token.order();
  // What is absent or failing is left alone for half a second.
  await until('a signature', () => succeeds(sign));
});

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch {
    return false;
  }
}

const lostSessions: readonly (readonly [string, string])[] = [
  ['b3', 'CKR_SESSION_HANDLE_INVALID'],
  ['b0', 'CKR_SESSION_CLOSED'],
  ['32', 'CKR_DEVICE_REMOVED'],
  ['30', 'CKR_DEVICE_ERROR'],
  ['e0', 'CKR_TOKEN_NOT_PRESENT'],
  ['e1', 'CKR_TOKEN_NOT_RECOGNIZED'],
  ['5', 'CKR_GENERAL_ERROR'],
  ['90', 'CKR_OPERATION_ACTIVE'],
  ['60', 'CKR_KEY_HANDLE_INVALID'],
  ['82', 'CKR_OBJECT_HANDLE_INVALID'],
  ['101', 'CKR_USER_NOT_LOGGED_IN'],
];

for (const [value, name] of lostSessions) {
  for (const step of ['C_SignInit', 'C_Sign']) {
    test(`after ${name} from ${step} the signature is made all the same`, async () => {
      token.order(`fail ${step} ${value} 1`);
      assert.ok((await sign()).length > 0);
      assert.equal(keyring.tokens()[0]?.state, 'ready');
    });
  }
}

for (const value of ['5', '30', '190', 'b0', 'e1']) {
  test(`what new sessions do not cure, the module's revival does: 0x${value}`, async () => {
    await sleep(REVIVAL_INTERVAL);
    token.order(`fail C_SignInit ${value} ${value === '190' ? 1 : 2}`);
    const revivals = await token.calls('C_Finalize', async () => {
      assert.ok((await sign()).length > 0);
    });
    assert.equal(revivals, 1);
  });
}

test('a module is revived at most once in its interval, however many ask for it', async () => {
  await sleep(REVIVAL_INTERVAL);
  token.order('fail C_OpenSession 5 1000');
  const start = performance.now();
  const revivals = await token.calls('C_Finalize', async () => {
    while (performance.now() - start < 2.5 * REVIVAL_INTERVAL) {
      token.order('fail C_SignInit 5 1000', 'fail C_OpenSession 5 1000');
      await Promise.allSettled(Array.from({ length: 10 }, sign));
      await sleep(5);
    }
  });
  const most = 1 + Math.floor((performance.now() - start) / REVIVAL_INTERVAL);
  assert.ok(revivals >= 1 && revivals <= most, `${revivals} revivals, not ${most} at most`);
});

test('errors that no recovery helps are given back by name, once', async () => {
  token.order('fail C_Sign 21 1000');
  const tries = await token.calls('C_Sign', () =>
    assert.rejects(sign, { code: 'token-failed', message: /CKR_DATA_LEN_RANGE/ }),
  );
  assert.equal(tries, 1);
});

test('a token that is pulled fails its signatures at once, and works again when it is back', async () => {
  token.order('absent');
  const start = performance.now();
  await assert.rejects(sign, { code: 'token-absent' });
  assert.equal(keyring.tokens()[0]?.state, 'absent');
  const lists = await token.calls('C_GetSlotList', async () => {
    for (let i = 0; i < 20; i += 1) await assert.rejects(sign, { code: 'token-absent' });
  });
  // Not again within half a second; a look may take two calls.
  const most = 2 * Math.floor((performance.now() - start) / 500);
  assert.ok(lists <= most, `it is looked for by ${lists} calls, not ${most} at most`);

  token.order();
  await until('a signature', () => succeeds(sign));
  assert.equal(keyring.tokens()[0]?.state, 'ready');
});

test('of a pulled token, everything that waits is told', async () => {
  // Long enough for what is ordered next, whatever keeps this process from it.
  token.order('delay C_Sign 1000000');
  const before = Array.from({ length: 50 }, sign);
  token.order('absent');
  const outcomes = await Promise.allSettled(before);
  assert.ok(outcomes.some(({ status }) => status === 'rejected'));
});

test('a log-in that was lost is made again, once for all', async () => {
  token.order('fail C_SignInit 101 4');
  const logins = await token.calls('C_Login', () => Promise.all(Array.from({ length: 10 }, sign)));
  assert.ok(logins <= 4, `${logins} log-ins`);
});

test('a token that never knows of its log-in fails its signatures, and is not logged in to for ever', async () => {
  token.order('fail C_SignInit 101 100000');
  const logins = await token.calls('C_Login', () => assert.rejects(sign, /CKR_USER_NOT_LOGGED_IN/));
  assert.ok(logins <= 3, `${logins} log-ins`);
});

test('more signatures than the token bears sessions queue, and none fails', async () => {
  await keyring.close();
  token.order('sessions 3', 'delay C_Sign 10000');
  const bounded = new Keyring({
    modules: [token.shim],
    pinSource: () => ({ kind: 'file', path: token.pinFile }),
    log: silent,
  });
  const same = bounded.key(`${token.uri};object=www`, key.publicKey);
  const all = await Promise.all(
    Array.from({ length: 60 }, () => bounded.sign(same, 0x0403, message)),
  );
  assert.equal(all.length, 60);
  assert.ok((bounded.tokens()[0]?.sessions ?? 0) <= 3);
  await bounded.close();
});
