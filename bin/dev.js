#!/usr/bin/env node
// tlspool from its sources, without a build: Node strips the types. Commands are found in src/commands,
// not through the manifest.

const NEEDED = [24, 15];

const version = process.versions.node.split('.').map(Number);
const newEnough = version[0] > NEEDED[0] || (version[0] === NEEDED[0] && version[1] >= NEEDED[1]);

if (newEnough) {
  import('../src/core/cli/main.ts').then(start);
} else {
  import('./older-node.cjs').then((older) => older.default(NEEDED.join('.')));
}

function start(program) {
  return program.main(process.argv.slice(2), new URL('..', import.meta.url), 'sources');
}
