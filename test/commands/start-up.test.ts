import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { entry, root } from '../built.ts';
import { outcomeOf } from './run-tlspool.ts';

/**
 * What a command loads is most of the time that it takes to start: all of tlspool takes 15 times as long as a bare Node,
 * oclif in one file, with its manifest and late imports, less than 4. How long that is, `npm run bench` measures.
 */
const hook = pathToFileURL(join(import.meta.dirname, 'loading/tell-modules.mjs')).href;
const folder = mkdtempSync(join(tmpdir(), 'tlspool-loading-'));
after(() => rmSync(folder, { recursive: true }));

for (const flag of ['--version', '--help']) {
  test(`${flag} loads a handful of files, and no library`, async () => {
    const { own, libraries } = await loadedBy(flag);
    assert.deepEqual(libraries, []);
    assert.ok(own.length <= 10, own.join('\n'));
  });
}

for (const [name, ...args] of [
  ['help of a topic', 'ca', '--help'],
  ['help of a command', 'wrap', '--help'],
  ['status', 'status'],
  ['ping', 'ping'],
] as const) {
  test(`${name} loads the command frame as one file, no library, and no more of ours than it needs`, async () => {
    const { own, libraries } = await loadedBy(...args);
    assert.deepEqual(libraries, []);
    assert.ok(own.includes('dist/core/cli/oclif.js'), own.join('\n'));
    assert.ok(own.length <= 40, own.join('\n'));
  });
}

interface Loaded {
  /** Files of tlspool, from its root. */
  readonly own: readonly string[];
  /** What others made, by name. */
  readonly libraries: readonly string[];
}

async function loadedBy(...args: string[]): Promise<Loaded> {
  const list = join(folder, 'loaded.json');
  await outcomeOf(process.execPath, ['--import', hook, entry, ...args], { LOADED_MODULES: list });
  const urls = JSON.parse(readFileSync(list, 'utf8')) as string[];
  const base = pathToFileURL(`${root}/`).href;
  const paths = urls.filter((url) => url.startsWith(base)).map((url) => url.slice(base.length));
  return {
    own: paths.filter((path) => !path.startsWith('node_modules/') && !path.startsWith('test/')),
    libraries: [...new Set(paths.flatMap((path) => library.exec(path)?.[1] ?? []))],
  };
}

const library = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//;
