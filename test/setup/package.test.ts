import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const place = mkdtempSync(join(tmpdir(), 'tlspool-package-'));
after(() => rmSync(place, { recursive: true }));

/** The package as npm makes it, unpacked. */
const installed = join(place, 'package');
execFileSync('npm', ['pack', '--silent', '--pack-destination', place, root], { cwd: place });
execFileSync('tar', ['xf', readdirSync(place)[0] ?? ''], { cwd: place });
const files = readdirSync(installed, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));

test('the package holds what it needs to be built and run, and nothing of the workshop', () => {
  const { bin, exports, scripts } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  ) as {
    bin: Record<string, string>;
    exports: Record<string, { types: string; default: string }>;
    scripts: { install: string };
  };
  const entries = [
    ...Object.values(bin),
    ...Object.values(exports['.'] ?? {}),
    scripts.install.replace('node ', ''),
    'src/native/Makefile',
    'src/native/launcher/launcher.c',
  ];
  for (const path of entries) assert.ok(files.includes(normalize(path)), path);
  const workshop = /^(test|bench|man\/parts)\/|^src\/(?!native\/)|sanitizer|(?<!\.d)\.ts$/;
  assert.deepEqual(
    files.filter((path) => workshop.test(path)),
    [],
  );
});

test('whatever its set-up imports is there, too', () => {
  for (const path of files.filter((name) => name.startsWith('setup/'))) {
    const text = readFileSync(join(installed, path), 'utf8');
    for (const [, imported = ''] of text.matchAll(/from '(\.[^']+)'/g))
      assert.ok(files.includes(join(dirname(path), imported)), `${path}: ${imported}`);
  }
});

test('what its code imports comes with it, or is installed with it', () => {
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const path of files.filter((name) => /^dist\/.*\.js$/.test(name))) {
    const text = readFileSync(join(installed, path), 'utf8');
    for (const [, imported = ''] of text.matchAll(/^(?:import|export) .*from '([^.'][^']*)'/gm)) {
      const [name = ''] = /^(@[^/]+\/)?[^/]+/.exec(imported) ?? [];
      assert.ok(name.startsWith('node:') || name in dependencies, `${path}: ${imported}`);
    }
  }
});

for (const [file, library] of [
  ['dist/core/cli/oclif', '@oclif/core'],
  ['dist/core/store/kysely', 'kysely'],
  ['dist/core/authority/x509', '@peculiar/x509'],
] as const) {
  test(`${library} is in it with all that it needs, and their licences`, () => {
    const notices = readFileSync(join(installed, `${file}.notices.txt`), 'utf8');
    const bundled = readFileSync(join(installed, `${file}.js`), 'utf8');
    const sources = bundled.matchAll(/^\/\/ (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//gm);
    const packages = new Set([...sources].map(([, name = '']) => name));
    assert.ok(packages.has(library));
    for (const name of packages) {
      const [, text] = notices.split(new RegExp(`^${name} [\\d.]+ \\(.+\\)$`, 'm'));
      assert.match(text ?? '', /^\s+\S/, name);
    }
  });
}

test("npm's install leaves an engine and a launcher, and no rubble", () => {
  // What was compiled here already is not compiled anew; it is put together in the package's own place.
  cpSync(join(root, 'build/obj'), join(installed, 'build/obj'), {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !path.endsWith('.d'),
  });
  execFileSync(process.execPath, ['setup/install.mjs'], { cwd: installed });
  assert.deepEqual(readdirSync(join(installed, 'build')).sort(), ['engine.node', 'launcher']);
});

test('in a checkout it does nothing', () => {
  const before = existsSync(join(root, 'build/obj'));
  execFileSync(process.execPath, ['setup/install.mjs'], { cwd: root });
  assert.equal(existsSync(join(root, 'build/obj')), before);
});
