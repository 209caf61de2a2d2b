// oclif and all that it needs, some hundred small files, as one: loading them takes longer than most commands run.
// src/core/cli/oclif.ts, once compiled, is replaced by it.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './place.mjs';
import { run } from './step.mjs';

const bundled = 'dist/core/cli/oclif.js';
const notices = 'dist/core/cli/oclif.notices.txt';

/** What is bundled are CommonJS modules, which ask for Node's own by `require`. */
const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** @throws SetupError */
export function bundleOclif() {
  const inputs = join(root, 'build/oclif.json');
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
  writeFileSync(join(root, notices), noticesOf(JSON.parse(readFileSync(inputs, 'utf8'))));
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
