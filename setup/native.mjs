// The engine and the launcher, in build/.

import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from './place.mjs';
import { run } from './step.mjs';

/** @param nodeDir where the Node is that they are for: its headers are in include/node @throws SetupError */
export function compileNative(nodeDir) {
  const jobs = `-j${Math.max(1, cpus().length)}`;
  const target = [`NODE_DIR=${nodeDir}`, `OUT=${join(root, 'build')}`];
  run('the native build', 'make', ['-s', '-C', 'src/native', jobs, ...target]);
}
