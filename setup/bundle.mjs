// Libraries of some hundred small files, each as one with all that it needs: loading them takes longer than most
// commands run. The file of ours that is all there is of one, once compiled, is replaced by it.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './place.mjs';
import { run } from './step.mjs';

const libraries = ['dist/core/cli/oclif', 'dist/core/store/kysely', 'dist/core/authority/x509'];

/** What is bundled are CommonJS modules, which ask for Node's own by `require`. */
const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** @throws SetupError */
export function bundleLibraries() {
  for (const library of libraries) bundle(library);
}

function bundle(library) {
  const bundled = `${library}.js`;
  const inputs = join(root, 'build/bundled.json');
  run('esbuild', 'esbuild', [
    bundled,
    `--outfile=${bundled}`,
    '--allow-overwrite',
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--target=node24',
    `--banner:js=${banner}`,
    `--metafile=${inputs}`,
    '--log-level=warning',
  ]);
  writeFileSync(
    join(root, `${library}.notices.txt`),
    noticesOf(JSON.parse(readFileSync(inputs, 'utf8'))),
  );
  rmSync(inputs);
}

/** The licences of what was put in. */
function noticesOf({ inputs }) {
  const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;
  const packages = new Set(Object.keys(inputs).map((path) => folder.exec(path)?.[0]));
  packages.delete(undefined);
  return [...packages].sort().map(noticeOf).join('\n');
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  );
  const texts = readdirSync(join(root, folder)).filter((file) => /^licen[cs]e/i.test(file));
  const text = texts.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
  return [`${name} ${version} (${license})`, ...text, ''].join('\n\n');
}
