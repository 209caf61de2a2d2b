import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  PoolError,
  type PoolErrorName,
  poolErrorNumber,
} from '../../../src/core/protocol/errors.ts';
import { Ctlkeys } from '../../../src/core/server/ctlkeys.ts';

const [one, two, three] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)];

function failing(name: PoolErrorName) {
  return (error: unknown) => error instanceof PoolError && error.wire === poolErrorNumber(name);
}

for (const [how, keys] of [
  ['by a secret digest', () => new Ctlkeys<string, string>()],
  ['all of one digest', () => new Ctlkeys<string, string>(() => 0)],
] as const) {
  test(`keys are told apart, whoever is released first (${how})`, () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const ctlkeys = keys();
      const all = [one, two, three].map((key, index) => {
        const entry = ctlkeys.register(key, `session ${index}`, 'owner');
        ctlkeys.establish(entry, false);
        return { key, entry };
      });
      for (const { key } of all) {
        assert.throws(
          () => ctlkeys.register(key, 'another', 'owner'),
          failing('CTLKEY_REGISTRATION_FAILED'),
        );
      }
      const left = new Set([0, 1, 2]);
      for (const released of order) {
        const { entry, key } = all[released] ?? assert.fail();
        ctlkeys.release(entry);
        left.delete(released);
        assert.throws(() => ctlkeys.attached(key, 'owner'), failing('CTLKEY_NOT_FOUND'));
        for (const index of left) {
          const { key: other } = all[index] ?? assert.fail();
          assert.equal(ctlkeys.attached(other, 'owner'), `session ${index}`);
        }
      }
      ctlkeys.register(one, 'anew', 'owner');
    }
  });

  test(`only what is being set up is pending, and only for whoever asked (${how})`, () => {
    const ctlkeys = keys();
    const entry = ctlkeys.register(one, 'session', 'owner');
    assert.equal(ctlkeys.pending(one, 'owner'), 'session');
    assert.equal(ctlkeys.pending(one, 'another'), undefined);
    assert.equal(ctlkeys.pending(two, 'owner'), undefined);
    ctlkeys.establish(entry, false);
    assert.equal(ctlkeys.pending(one, 'owner'), undefined);
  });

  test(`a connection that goes lets go of its sessions only (${how})`, () => {
    const ctlkeys = keys();
    for (const [key, owner] of [
      [one, 'goes'],
      [two, 'stays'],
      [three, 'goes'],
    ] as const) {
      ctlkeys.establish(ctlkeys.register(key, `of who ${owner}`, owner), false);
    }
    assert.deepEqual(ctlkeys.disown('goes'), ['of who goes', 'of who goes']);
    assert.deepEqual(ctlkeys.disown('goes'), []);
    assert.equal(ctlkeys.attached(two, 'stays'), 'of who stays');
    assert.equal(ctlkeys.detached(one), 'of who goes');
    assert.equal(ctlkeys.detached(two), undefined);
  });
}

test('what is not set up yet is there for nobody, but its key is taken', () => {
  const ctlkeys = new Ctlkeys<string, string>();
  const entry = ctlkeys.register(one, 'session', 'owner');
  assert.throws(() => ctlkeys.attached(one, 'owner'), failing('CTLKEY_NOT_FOUND'));
  assert.throws(
    () => ctlkeys.register(one, 'another', 'owner'),
    failing('CTLKEY_REGISTRATION_FAILED'),
  );
  ctlkeys.establish(entry, true);
  assert.throws(() => ctlkeys.attached(one, 'owner'), failing('CTLKEY_DETACHED'));
  ctlkeys.reattach(one, 'other');
  assert.throws(() => ctlkeys.attached(one, 'owner'), failing('CTLKEY_NOT_YOURS'));
});

test('thousands of random keys are all found', () => {
  const ctlkeys = new Ctlkeys<number, string>();
  const all = Array.from({ length: 5_000 }, () => randomBytes(16));
  for (const [index, key] of all.entries()) {
    ctlkeys.establish(ctlkeys.register(key, index, 'owner'), false);
  }
  for (const [index, key] of all.entries()) assert.equal(ctlkeys.attached(key, 'owner'), index);
});
