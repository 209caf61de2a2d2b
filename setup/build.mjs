// npm run build: everything that is made from sources, also what is committed (manifest, manual pages,
// completions).

import { generate } from './generate.mjs';
import { forUse } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { setUp } from './step.mjs';

await setUp(() => {
  prepare(forUse);
  generate();
});
