#!/usr/bin/env node
// The built tlspool. Any Node from 14.18 on must be able to read this file, as the version is checked before
// anything is imported.

const NEEDED = [24, 15];

const version = process.versions.node.split('.').map(Number);
const newEnough = version[0] > NEEDED[0] || (version[0] === NEEDED[0] && version[1] >= NEEDED[1]);

if (newEnough) {
  import('../dist/core/cli/main.js').then(start, notBuilt);
} else {
  import('./older-node.cjs').then((older) => older.default(NEEDED.join('.')));
}

function start(program) {
  return program.main(process.argv.slice(2), new URL('..', import.meta.url));
}

function notBuilt(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error(
    `tlspool is not built yet (${error.message.split('\n')[0]}): run \`npm run build\`.`,
  );
  process.exitCode = 1;
}
