import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fetch, plainClients } from './stage/plain-clients.ts';
import { page, type TlsServer } from './stage/tls-server.ts';
import { WrappedClients } from './stage/wrapped-client.ts';

const privileged = process.getuid?.() === 0;
const { name, wrongName } = WrappedClients;
const text = 'over TLS';

let stage: WrappedClients;
let web: TlsServer;

before(async () => {
  if (!privileged) return;
  stage = await WrappedClients.start();
  web = await stage.serve(page(text));
});

after(async () => {
  await web?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

const command = (fetch: Fetch, host: string) => fetch(host, web.port, stage.pool.folder);

for (const [client, fetch] of Object.entries(plainClients)) {
  test(`${client} gets the page from the server that proves the name, and from no other`, {
    skip: !privileged,
  }, async () => {
    const right = await stage.run(['--client-tls', `${web.port}`], command(fetch, name));
    assert.equal(right.code, 0, right.stderr);
    assert.ok(right.stdout.endsWith(text) || right.stdout.trimEnd().endsWith(text), right.stdout);
    const wrong = await stage.run(['--client-tls', `${web.port}`], command(fetch, wrongName));
    assert.notEqual(wrong.code, 0);
    assert.match(
      wrong.stderr,
      /the certificate is for www\.example\.com, not for wrong\.example\.com/,
    );
    assert.equal(wrong.stdout, '');
  });
}

test('a program that ends as soon as it is connected ends its wrap, too', {
  skip: !privileged,
}, async () => {
  const connect = `import os, socket; socket.create_connection(("${name}", ${web.port})); os._exit(7)`;
  for (let time = 0; time < 5; time++) {
    const { code, stderr } = await stage.run(
      ['--client-tls', `${web.port}`],
      ['python3', '-c', connect],
    );
    assert.equal(code, 7, stderr);
    assert.equal(stderr, '');
  }
});

test('a program that speaks TLS itself is told of, and there is no TLS inside of TLS', {
  skip: !privileged,
}, async () => {
  const address = `https://${name}:${web.port}/`;
  const command = ['curl', '-sS', '--insecure', '--max-time', '30', address];
  const { code, stdout, stderr } = await stage.run(['--client-tls', `${web.port}`], command);
  assert.notEqual(code, 0);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /tlspool wrap: no connection to www\.example\.com at \S+: the program speaks TLS there itself/,
  );
});
