// From sources to what runs: dist/ (JavaScript) and build/ (the engine and the launcher).

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleLibraries } from './bundle.mjs';
import { compileNative } from './native.mjs';
import { nodeDir, root } from './place.mjs';
import { run, say } from './step.mjs';

const dist = join(root, 'dist');
const stamp = join(root, 'build/dist.digest');

export function compile() {
  compileTypeScript();
  compileNative(nodeDir);
  offerToNpx();
}

/** Whether dist/ is of the sources as they are. */
export function isCompiled() {
  return existsSync(dist) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOfSources();
}

/** TypeScript compiles everything or nothing; a digest of what it reads tells which. */
function compileTypeScript() {
  if (isCompiled()) return;
  say('compiling TypeScript');
  rmSync(stamp, { force: true });
  run('tsc', 'tsc', ['-p', 'tsconfig.build.json']);
  removeOrphans();
  mkdirSync(dirname(stamp), { recursive: true });
  bundleLibraries();
  writeFileSync(stamp, digestOfSources());
}

function digestOfSources() {
  const hash = createHash('sha256');
  const configuration = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
  ];
  const sources = filesBelow('src', '.ts').map((path) => join('src', path));
  for (const path of [...configuration, ...sources]) {
    const text = readFileSync(join(root, path));
    hash.update(`${path} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

/** A source file that is gone leaves no command behind. */
function removeOrphans() {
  for (const path of [...filesBelow('dist', '.js'), ...filesBelow('dist', '.d.ts')]) {
    const source = join(root, 'src', path.replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (!existsSync(source)) rmSync(join(dist, path));
  }
}

/** Paths below a directory of the checkout, sorted. */
function filesBelow(directory, ending) {
  return readdirSync(join(root, directory), { recursive: true })
    .filter((path) => path.endsWith(ending))
    .sort();
}

/** `npx tlspool` finds the program of its own checkout, as if it had been installed. */
function offerToNpx() {
  const link = join(root, 'node_modules/.bin/tlspool');
  if (!existsSync(link)) symlinkSync('../../bin/run.js', link);
}
