import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OtherUser } from './stage/other-user.ts';
import { plainClients } from './stage/plain-clients.ts';
import { Pool } from './stage/pool.ts';
import { page, type TlsServer } from './stage/tls-server.ts';
import { WrappedClients } from './stage/wrapped-client.ts';

const { name, wrongName } = WrappedClients;
const text = 'over TLS';
const localId = 'client.example.com';

let skip: string | false = 'it takes root to become somebody else';
let stage: WrappedClients;
let user: OtherUser;
let web: TlsServer;

before(async () => {
  if (process.getuid?.() !== 0) return;
  const pool = await Pool.serving([[localId, '--role', 'client']], 'socket_mode 0666\n');
  stage = await WrappedClients.start(pool);
  user = await OtherUser.of(pool, localId);
  web = await stage.serve(page(text));
  skip = user.skip;
});

after(async () => {
  await web?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

for (const [client, fetch] of Object.entries(plainClients)) {
  test(`${client}, wrapped by a user without any rights, reaches the server of the name that it asked for`, async (t) => {
    if (skip) return t.skip(skip);
    const get = (host: string) =>
      stage.runAs(user, ['--client-tls', `${web.port}`], fetch(host, web.port, stage.pool.folder));
    const right = await get(name);
    assert.equal(right.code, 0, right.stderr);
    assert.ok(right.stdout.trimEnd().endsWith(text), right.stdout);
    const wrong = await get(wrongName);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /certificate is for www\.example\.com, not for wrong\.example\.com/);
    assert.equal(wrong.stdout, '');
  });
}
