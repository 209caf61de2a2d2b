// npm run quickstart: from a fresh clone to a page fetched over TLS from a program that knows no TLS.

import { demonstrate } from './demonstration.mjs';
import { forUse } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { setUp } from './step.mjs';

await setUp(async () => {
  prepare(forUse);
  await demonstrate();
});
