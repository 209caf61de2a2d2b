import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { name, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { runTlspool } from './stage/running.ts';

test('a file describes a tunnel into TLS and one out of it', async () => {
  await using pool = await Pool.serving([[name]]);
  await using echo = await PlainServer.echo();
  const tlsPort = await freePort();
  const file = join(pool.folder, 'tunnels.conf');
  writeFileSync(
    file,
    `# out of TLS
tunnel server
  accept 127.0.0.1:${tlsPort}
  connect ${echo.address}
  local_id ${name}
# and into it
tunnel client
  client yes
  accept 127.0.0.1:0
  connect 127.0.0.1:${tlsPort}
  remote_id ${name}
`,
  );
  await using running = pool.start('tunnel', '--from', file);
  const [, port] = await running.saying(/client: 127\.0\.0\.1:(\d+) → /);
  const socket = connect(Number(port), '127.0.0.1');
  socket.end('twice through the pool');
  assert.equal(await readAll(socket), 'twice through the pool');
});

test('a mistake in the file is named with its line, and nothing is opened', async () => {
  await using pool = await Pool.create([]);
  const file = join(pool.folder, 'tunnels.conf');
  writeFileSync(file, 'tunnel a\n  accept 127.0.0.1:0\n  conect 127.0.0.1:1\n');
  const { code, stderr } = await runTlspool(['tunnel', '--from', file], { env: pool.environment });
  assert.equal(code, 2);
  assert.match(stderr, /tunnels\.conf, line 3: unknown word `conect`/);
});
