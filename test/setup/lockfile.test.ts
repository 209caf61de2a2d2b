import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../..');
const { packages } = read<{ packages: Record<string, LockedPackage> }>('package-lock.json');

function read<T>(file: string): T {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as T;
}

test('what is locked is what is asked for: npm ci installs nothing less', () => {
  const wanted = read<LockedPackage>('package.json');
  assert.deepEqual(packages['']?.dependencies, wanted.dependencies);
  assert.deepEqual(packages['']?.devDependencies, wanted.devDependencies);
});

test('every optional package has its entry, without which npm ci refuses the lockfile', () => {
  const missing = Object.values(packages)
    .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
    .filter((name) => packages[`node_modules/${name}`]?.version === undefined);
  assert.deepEqual(missing, []);
});

test('what is installed is pinned by its hash', () => {
  const loose = Object.entries(packages).filter(
    ([path, { integrity, optional }]) =>
      path !== '' && integrity === undefined && optional !== true,
  );
  assert.deepEqual(loose, []);
});
