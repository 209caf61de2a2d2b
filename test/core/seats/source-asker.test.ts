import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PinQuestion } from '../../../src/core/seats/pin-question.ts';
import { type SourceAskerOptions, sourceAsker } from '../../../src/core/seats/source-asker.ts';
import { fileSource, type PinSource } from '../../../src/core/token/pin-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-source-'));
const path = join(folder, 'pin');
const write = (pin: string) => writeFileSync(path, `${pin}\n`, { mode: 0o600 });
after(() => rmSync(folder, { recursive: true }));

const source: PinSource = fileSource(path) ?? assert.fail();
const never = new AbortController().signal;

function question(attempt: number, uri = 'pkcs11:token=card'): PinQuestion {
  const token = { uri, label: 'card', manufacturer: '', model: '', serial: '' };
  return { prompt: '', attempt, token, pinState: undefined, waiting: [] };
}

function asker(options: Partial<SourceAskerOptions>) {
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const ask = sourceAsker(source, { token: 'card', deliberate: false, say, ...options });
  const pin = async (asked: PinQuestion) => (await ask(asked, never))?.toString();
  return { pin, said };
}

test('each content of the source is given once', async () => {
  const { pin, said } = asker({});
  write('one');
  assert.equal(await pin(question(0)), 'one');
  assert.equal(await pin(question(1)), undefined);
  write('two');
  assert.equal(await pin(question(1)), 'two');
  // The PIN was right; the token is to be logged in to again.
  assert.equal(await pin(question(0)), 'two');
  assert.equal(said.length, 1);
});

test('a program that was started again does not try a PIN that may be the wrong one', async () => {
  const { pin, said } = asker({});
  write('one');
  assert.equal(await pin(question(1)), undefined);
  assert.match(said[0] ?? '', /tlspool pin enter/);
});

test('a person may have it tried, once', async () => {
  const { pin } = asker({ deliberate: true });
  write('one');
  assert.equal(await pin(question(1)), 'one');
  assert.equal(await pin(question(2)), undefined);
});

test('a PIN is given for its token only', async () => {
  write('one');
  assert.equal(await asker({ token: 'other' }).pin(question(0)), undefined);
  assert.equal(await asker({ token: 'pkcs11:token=other' }).pin(question(0)), undefined);
  assert.equal(await asker({ token: 'pkcs11:token=card' }).pin(question(0)), 'one');
  assert.equal(await asker({ token: undefined }).pin(question(0)), 'one');
});
