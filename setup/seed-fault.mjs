// Does one wrong thing in an engine that was built with a sanitizer (setup/sanitize.mjs), which should not pass unseen.

import { createRequire } from 'node:module';

const { TLSPOOL_ENGINE: engine } = process.env;
const native = createRequire(import.meta.url)(engine);
native.engineStart({ threads: 2 });
native.seedFault(process.argv[2]);
native.engineStop();
