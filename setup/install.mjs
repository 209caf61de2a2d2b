// npm's install of the package: makes the engine and the launcher, for the Node that runs this. A checkout is not built
// here, but by `npm run build`.

import { existsSync, readFileSync } from 'node:fs';
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

/** Where include/node is: beside the program, as in the archives of nodejs.org, or where npm is told. */
function headersOf(program) {
  const { npm_config_nodedir: told } = process.env;
  const place = told ?? dirname(dirname(program));
  if (existsSync(join(place, 'include/node/openssl/ssl.h'))) return place;
  throw new SetupError(
    `there are no headers of this Node in ${place}/include/node: name the folder of one that has them with npm_config_nodedir`,
  );
}
