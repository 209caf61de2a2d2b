import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PinQuestion } from '../../../src/core/seats/pin-question.ts';
import { pinentryProgram } from '../../../src/core/seats/pinentry-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-pinentry-'));
after(() => rmSync(folder, { recursive: true }));

const question: PinQuestion = {
  prompt: '',
  attempt: 1,
  token: { uri: 'pkcs11:token=card', label: '100%\nsure', manufacturer: '', model: '', serial: '' },
  pinState: undefined,
  waiting: [],
};

/** A pinentry program in the shell; what it was told is in the file `told`. */
function program(name: string, getPin: string, greeting = 'OK Pleased to meet you'): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh
printf '%s\\n' '${greeting}'
while read -r line; do
  printf '%s\\n' "$line" >>"$0.told"
  case $line in
  GETPIN) ${getPin} ;;
  *) echo OK ;;
  esac
done
`,
  );
  chmodSync(path, 0o700);
  return path;
}

const never = new AbortController().signal;

test('a PIN is read as it was meant, and the question is told in full', async () => {
  const path = program('good', "echo 'D a%25b%0Ac'; echo OK");
  const pin = await pinentryProgram(path, undefined)(question, never);
  assert.equal(pin?.toString(), 'a%b\nc');
  const told = readFileSync(`${path}.told`, 'utf8');
  assert.match(told, /^SETTIMEOUT 0$/m);
  assert.match(told, /^SETPROMPT PIN of 100%25/m);
  assert.match(told, /^SETERROR The PIN was wrong\.$/m);
  assert.doesNotMatch(told, /^OPTION ttyname/m);
});

for (const [what, getPin] of [
  ['cancels', "echo 'ERR 83886179 Operation cancelled <Pinentry>'"],
  ['takes too long', "echo 'ERR 83886142 Timeout <Pinentry>'"],
  ['gives nothing', 'echo OK'],
  ['is interrupted', 'kill -INT $$'],
] as const) {
  test(`a program that ${what} declines`, async () => {
    const path = program(`declines-${what.replaceAll(' ', '-')}`, getPin);
    assert.equal(await pinentryProgram(path, undefined)(question, never), undefined);
  });
}

for (const [what, getPin, code, message] of [
  ['vanishes', 'exit 1', 'assuan', /went away/],
  ['says something else', 'echo HELLO', 'assuan', /not expected/],
  ['asks back', 'echo INQUIRE PINLEN', 'assuan', /not expected/],
  ['never ends its line', 'head -c 5000 /dev/zero; exec sleep 1000', 'assuan', /too long/],
  ['has no terminal', "echo 'ERR 83918950 Inappropriate ioctl'", 'no-pin', /cannot ask/],
] as const) {
  test(`a program that ${what} is told to be unusable, and is not left behind`, async () => {
    const path = program(`bad-${what.replaceAll(' ', '-')}`, getPin);
    await assert.rejects(pinentryProgram(path, undefined)(question, never), { code, message });
  });
}

test('a program that greets with an error, and one that is not there', async () => {
  const grumpy = program('grumpy', 'echo OK', 'ERR 1 no');
  await assert.rejects(pinentryProgram(grumpy, undefined)(question, never), { code: 'assuan' });
  const missing = pinentryProgram(join(folder, 'missing'), undefined)(question, never);
  await assert.rejects(missing, { code: 'no-pin', message: /cannot run .*missing/ });
});

test('when nobody waits for the answer any more the program is ended', async () => {
  const end = new AbortController();
  const path = program('slow', 'exec sleep 1000');
  const asked = pinentryProgram(path, undefined)(question, end.signal);
  while (!toldOf(path).includes('GETPIN')) await new Promise((resolve) => setTimeout(resolve, 10));
  end.abort();
  assert.equal(await asked, undefined);
});

function toldOf(path: string): string {
  try {
    return readFileSync(`${path}.told`, 'utf8');
  } catch {
    return '';
  }
}
