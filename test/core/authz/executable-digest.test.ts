import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../../src/core/authz/executable-digest.ts';

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

test('a program is known by its digest, also the second time, and by another one once it changed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-digest-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const expected = sha256(readFileSync(process.execPath));
  assert.equal(digestOf(process.execPath), expected);
  assert.equal(digestOf(process.execPath), expected);
  const program = join(folder, 'program');
  for (const content of ['one', 'two', '']) {
    writeFileSync(program, content);
    // Whoever owns it can say that it has not changed.
    utimesSync(program, 1_000_000, 1_000_000);
    assert.equal(digestOf(program), sha256(content), content);
  }
});

test('what no program is has no digest, and nobody waits for it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-digest-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [huge, pipe] = [join(folder, 'huge'), join(folder, 'pipe')];
  writeFileSync(huge, '');
  truncateSync(huge, 300 * 1024 * 1024);
  execFileSync('mkfifo', [pipe]);
  for (const path of [huge, pipe, '/dev/zero', folder, join(folder, 'missing'), '']) {
    assert.equal(digestOf(path), undefined, path);
  }
});
