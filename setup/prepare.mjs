// What every way into the project starts with: from a fresh clone to a program that runs.

import { compile } from './compile.mjs';
import { installDependencies } from './dependencies.mjs';
import { installPackages } from './packages.mjs';

/** Does what is missing, and is done in a moment if nothing is. @throws SetupError */
export function prepare(packages) {
  installPackages(packages);
  installDependencies();
  compile();
}
