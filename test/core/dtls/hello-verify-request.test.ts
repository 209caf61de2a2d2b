import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDatagramHello } from '../../../src/core/dtls/client-hello.ts';
import { COOKIE_LENGTH } from '../../../src/core/dtls/cookies.ts';
import { helloVerifyRequest } from '../../../src/core/dtls/hello-verify-request.ts';
import { firstHello, madeHello, readHelloVerifyRequest } from './made-hello.ts';

test('it says what RFC 6347 has it say', () => {
  const cookie = Buffer.alloc(COOKIE_LENGTH, 7);
  const sequence = Buffer.from('0102030405ff', 'hex');
  assert.deepEqual(readHelloVerifyRequest(helloVerifyRequest(sequence, cookie)), {
    type: 22,
    recordVersion: 0xfeff,
    epoch: 0,
    sequence: 0x01_02_03_04_05_ff,
    recordLength: 12 + 3 + COOKIE_LENGTH,
    message: 3,
    messageLength: 3 + COOKIE_LENGTH,
    messageSequence: 0,
    fragmentOffset: 0,
    fragmentLength: 3 + COOKIE_LENGTH,
    version: 0xfeff,
    cookieLength: COOKIE_LENGTH,
    cookie,
  });
});

test('the smallest hello that is answered is larger than its answer', () => {
  const none = Buffer.alloc(0);
  const smallest = madeHello({ ...firstHello(), suites: none, compression: none });
  assert.ok(readDatagramHello(smallest));
  assert.ok(
    helloVerifyRequest(Buffer.alloc(6), Buffer.alloc(COOKIE_LENGTH)).length < smallest.length,
  );
});
