import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkExecutable } from '../../../src/core/wrap/executable.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'plain'), 'no program');
writeFileSync(join(folder, 'program'), '#!/bin/sh\n');
chmodSync(join(folder, 'program'), 0o755);
mkdirSync(join(folder, 'shadow'));
writeFileSync(join(folder, 'shadow', 'program'), 'not executable');
mkdirSync(join(folder, 'folder'));

test('a program is found along PATH or by its own path', () => {
  checkExecutable('program', `/nonexistent:${folder}`);
  checkExecutable(join(folder, 'program'), undefined);
  checkExecutable('sh', undefined);
});

test('a file that is not executable does not hide one further along PATH', () => {
  checkExecutable('program', `${join(folder, 'shadow')}:${folder}`);
});

test('what is not there ends with 127', () => {
  for (const name of ['absent', '', join(folder, 'absent'), join(folder, 'plain', 'x')]) {
    assert.throws(() => checkExecutable(name, folder), { code: 'not-found', exit: 127 });
  }
});

test('what is there but no program ends with 126', () => {
  for (const name of ['plain', 'folder', folder]) {
    assert.throws(() => checkExecutable(name, folder), { code: 'cannot-execute', exit: 126 });
  }
});
