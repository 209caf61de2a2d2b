import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFolder } from '../../../src/core/store/make-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'tlspool-folder-'));
after(() => rmSync(root, { recursive: true }));

test('what is missing is made, for the owner only, and the outermost is told', async () => {
  assert.equal(await makeFolder(join(root, 'a/b/c')), join(root, 'a'));
  for (const made of ['a', 'a/b', 'a/b/c'])
    assert.equal(statSync(join(root, made)).mode & 0o777, 0o700);
  assert.equal(await makeFolder(join(root, 'a/b')), undefined);
  assert.equal(await makeFolder(join(root, 'a/b/d')), join(root, 'a/b/d'));
});

test('several may make the same at once', async () => {
  const path = join(root, 'many/of/them');
  const outermost = await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
  assert.ok(statSync(path).isDirectory());
  assert.ok(outermost.includes(join(root, 'many')));
});

test('something else in its place, or no folders at all, is an error', async () => {
  writeFileSync(join(root, 'file'), '');
  await assert.rejects(makeFolder(join(root, 'file')), { code: 'EEXIST' });
  await assert.rejects(makeFolder(join(root, 'file/below')), { code: 'ENOTDIR' });
  await assert.rejects(makeFolder('/proc/tlspool/state'), { code: 'ENOENT' });
});
