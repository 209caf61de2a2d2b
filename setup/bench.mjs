// npm run bench: sets up what is missing, the peers included, then measures (bench/run.ts). Arguments go there.

import { forUse } from './packages.mjs';
import { node } from './place.mjs';
import { prepare } from './prepare.mjs';
import { setUp, succeeds } from './step.mjs';

/** The peers, and what the load generator and a token behind stunnel need. */
const forBench = [
  { name: 'stunnel4', has: 'stunnel4', why: 'a peer' },
  { name: 'hitch', has: 'hitch', why: 'a peer' },
  { name: 'haproxy', has: 'haproxy', why: 'a peer' },
  { name: 'nginx', has: 'nginx', why: 'a peer' },
  {
    name: 'libnginx-mod-stream',
    has: '/usr/lib/nginx/modules/ngx_stream_module.so',
    why: 'TLS to any program by nginx',
  },
  {
    name: 'libengine-pkcs11-openssl',
    has: '/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so',
    why: 'a token behind stunnel',
  },
  { name: 'libssl-dev', has: '/usr/include/openssl/ssl.h', why: 'the load generator' },
];

await setUp(() => {
  prepare([...forUse, ...forBench]);
  if (!succeeds(node, ['bench/run.ts', ...process.argv.slice(2)])) process.exitCode = 1;
});
