#!/usr/bin/env node
// tlspool from its sources, without a build: Node strips the types. Commands are found in src/commands,
// not through the manifest.

import { main } from '../src/core/cli/main.ts';

await main(process.argv.slice(2), new URL('..', import.meta.url), 'sources');
