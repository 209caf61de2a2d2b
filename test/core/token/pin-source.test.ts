import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { formatPinSource, parsePinSource, readPin } from '../../../src/core/token/pin-source.ts';
import { patience } from '../../patience.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tlspool-pin-'));
});
after(() => rm(folder, { recursive: true }));

async function pinFile(content: string | Buffer, mode = 0o600): Promise<string> {
  const path = join(folder, `pin-${Math.random().toString(36).slice(2)}`);
  await writeFile(path, content, { mode });
  await chmod(path, mode);
  return path;
}

test('a PIN source is a file or a credential, spelled back as it was', () => {
  for (const text of ['file:/etc/tlspool/pin', 'file:/a b/c', 'credential:tlspool.pin']) {
    assert.equal(formatPinSource(parsePinSource(text)), text);
  }
  assert.deepEqual(parsePinSource('file:///etc/pin'), { kind: 'file', path: '/etc/pin' });
});

test('a PIN, a relative path or a way out of the credentials folder is refused, never repeated', () => {
  for (const text of ['1234', 'file:pin', 'file:', 'credential:../x', 'credential:', 'pin:1234']) {
    assert.throws(
      () => parsePinSource(text),
      (error: Error & { exit: number }) => error.exit === 2 && !error.message.includes('1234'),
      text,
    );
  }
});

test('who wants people to be asked is told how', () => {
  assert.throws(() => parsePinSource('ask'), { hint: /tokens init .*--pin-source ask$/ });
});

test('one trailing newline is not part of the PIN, everything else is', async () => {
  for (const [content, pin] of [
    ['1234', '1234'],
    ['1234\n', '1234'],
    [' 12 34 \n', ' 12 34 '],
    ['1234\r\n', '1234\r'],
  ] as const) {
    const path = await pinFile(content);
    assert.equal((await readPin({ kind: 'file', path })).toString(), pin);
  }
});

test('a PIN file that others may read is refused', async () => {
  for (const mode of [0o640, 0o604, 0o644, 0o620, 0o601]) {
    const path = await pinFile('1234\n', mode);
    await assert.rejects(readPin({ kind: 'file', path }), { code: 'pin-exposed' }, `${mode}`);
  }
});

test('a PIN file that is missing, empty, too long, binary or no file is refused', async () => {
  const path = join(folder, 'missing');
  await assert.rejects(readPin({ kind: 'file', path }), { code: 'pin-unreadable' });
  await assert.rejects(readPin({ kind: 'file', path: folder }), { code: 'pin-unreadable' });

  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo], { timeout: patience });
  await assert.rejects(readPin({ kind: 'file', path: fifo }), { code: 'pin-unreadable' });

  for (const content of ['', '\n', '1'.repeat(256), '1'.repeat(5000), '12\n34', '12\0']) {
    const source = { kind: 'file', path: await pinFile(content) } as const;
    await assert.rejects(readPin(source), { code: 'pin-malformed' });
  }
});

test('a systemd credential is read from the folder that systemd names', async () => {
  const path = await pinFile('5678', 0o440);
  const source = parsePinSource(`credential:${path.slice(folder.length + 1)}`);
  assert.equal((await readPin(source, folder)).toString(), '5678');
  await assert.rejects(readPin({ kind: 'credential', name: 'other' }, folder), {
    code: 'pin-unreadable',
  });
  await assert.rejects(readPin({ kind: 'credential', name: 'pin' }, undefined), {
    message: /no credentials were passed/,
  });
});
