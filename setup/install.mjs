// npm's install of the package: makes the engine and the launcher, for the Node that runs this. A checkout is not built
// here, but by `npm run build`.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileNative } from './native.mjs';
import { forInstallation, requirePackages } from './packages.mjs';
import { root } from './place.mjs';
import { SetupError, setUp } from './step.mjs';

await setUp(() => {
  if (existsSync(join(root, 'src/core'))) return;
  requireNode();
  requirePackages(forInstallation);
  compileNative(headersOf(process.execPath));
  // Nothing is built a second time here.
  rmSync(join(root, 'build/obj'), { recursive: true });
});

function requireNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [needed, had] = [engines.node, process.versions.node].map((version) =>
    version.replace('>=', '').split('.').map(Number),
  );
  if (had[0] > needed[0] || (had[0] === needed[0] && had[1] >= needed[1])) return;
  throw new SetupError(
    `Node.js ${needed.join('.')} or newer is needed; this is ${process.version}`,
  );
}

/** Where the headers of this Node are: beside it, as in the archives of nodejs.org, or where npm is told (nodedir). */
function headersOf(program) {
  const places = [dirname(dirname(program)), process.env.npm_config_nodedir ?? ''];
  const place = places.find((folder) => folder !== '' && areOfThisNode(folder));
  if (place !== undefined) return place;
  throw new SetupError(
    `there are no headers of Node.js ${process.version} in ${places[0]}/include/node: take one that has them (https://nodejs.org), or name their folder with npm_config_nodedir`,
  );
}

function areOfThisNode(folder) {
  const versions = join(folder, 'include/node/node_version.h');
  const [major] = process.versions.node.split('.');
  return (
    existsSync(versions) &&
    readFileSync(versions, 'utf8').includes(`#define NODE_MAJOR_VERSION ${major}\n`)
  );
}
