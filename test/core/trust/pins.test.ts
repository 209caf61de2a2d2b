import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore } from '../../../src/core/store/store.ts';
import { addPin, listPins, type Pin, Pins } from '../../../src/core/trust/pins.ts';

const remote = 'www.example.com';
const [old, one, other] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
];
const day = 86_400_000;
const taken = { code: 'pin-taken', message: /was pinned to another key in the meantime/ };

async function made(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-pins-'));
  const store = await openStore(folder, 'create');
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return {
    db: store.db,
    pins: new Pins(store),
    known: async () => (await listPins(store.db)).map(({ key, source }) => `${source} ${key}`),
  };
}

const pin = { remote, source: 'operator', rollOverAt: undefined, expiresAt: undefined } as const;

test('of two keys that a remote shows first at once, only one is kept, and the other fails', async (t) => {
  const { pins, known } = await made(t);
  const notes = [one, other, one].map((key) =>
    pins.noteFirstUse(parseDonai(remote), key, undefined),
  );
  const [first, second, third] = await Promise.allSettled(notes);
  assert.equal(first?.status, 'fulfilled');
  assert.equal(third?.status, 'fulfilled');
  assert.ok(second?.status === 'rejected');
  assert.throws(() => {
    throw second.reason;
  }, taken);
  assert.deepEqual(await known(), [`first-use ${one}`]);
});

test("a pin that has expired stands in nobody's way", async (t) => {
  const { db, pins, known } = await made(t);
  const expired = { ...pin, expiresAt: new Date(Date.now() - day) };
  await addPin(db, { ...expired, key: old });
  await addPin(db, { ...expired, key: one });
  await pins.noteFirstUse(parseDonai(remote), one, undefined);
  assert.deepEqual(await known(), [`first-use ${one}`]);
});

test('a key takes the place of another once; whoever comes second with another one fails', async (t) => {
  const { db, pins, known } = await made(t);
  const due = { ...pin, rollOverAt: new Date(Date.now() - day), key: old };
  await addPin(db, { ...due, expiresAt: new Date(Date.now() + day) });
  await addPin(db, { ...pin, key: other, remote: 'elsewhere.example.com' });
  const [turning] = (await listPins(db)).filter((one) => one.remote === remote);
  await pins.replace(turning as Pin, one);
  await pins.replace(turning as Pin, one);
  await assert.rejects(pins.replace(turning as Pin, other), taken);
  assert.deepEqual(await known(), [`operator ${other}`, `operator ${one}`]);
});

test('a remote that is pinned to a second key as well keeps it when the first is replaced', async (t) => {
  const { db, pins, known } = await made(t);
  await addPin(db, { ...pin, key: old, rollOverAt: new Date(Date.now() - day) });
  await addPin(db, { ...pin, key: other });
  const [turning] = await listPins(db);
  await pins.replace(turning as Pin, one);
  assert.deepEqual(await known(), [`operator ${other}`, `operator ${one}`]);
});
