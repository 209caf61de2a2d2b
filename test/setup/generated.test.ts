import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedFiles } from '../../setup/documents/generated.ts';

const root = join(import.meta.dirname, '../..');
const files = await generatedFiles(root);

for (const [path, content] of files) {
  test(`${path} says what the commands say (if not: npm run build)`, () => {
    const committed = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
    assert.ok(
      committed === content,
      `${path} is stale: run \`npm run build\` and commit what it writes`,
    );
  });
}

test('no page or completion is left of a command that is gone', () => {
  const made = (directory: string, ending: RegExp) =>
    readdirSync(join(root, directory))
      .filter((name) => ending.test(name))
      .filter((name) => !files.has(`${directory}/${name}`));
  assert.deepEqual([...made('man', /\.1$/), ...made('completions', /./)], []);
});
