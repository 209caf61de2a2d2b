import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from './stage/listening-programs.ts';
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
  build('musl-gcc', ['-static', '-o', fetchWithMusl(), source]);
});

after(async () => {
  await web?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

const source = fileURLToPath(new URL('connecting/fetch.c', import.meta.url));
const fetchWithMusl = () => join(stage.pool.folder, 'fetch-with-musl');

/** The command that fetches from a host with a plaintext client. */
type Fetch = (host: string, port: number) => readonly string[];

const url = (host: string, port: number) => `http://${host}:${port}/`;
const node = (script: string): readonly string[] => [
  process.execPath,
  '--input-type=module',
  '-e',
  script,
];

const clients: Readonly<Record<string, Fetch>> = {
  curl: (host, port) => ['curl', '-sS', '--max-time', '30', url(host, port)],
  wget: (host, port) => ['wget', '-q', '-O', '-', '-T', '30', '-t', '1', url(host, port)],
  netcat: (host, port) => [
    'sh',
    '-c',
    `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc.openbsd -w 30 ${host} ${port}`,
  ],
  "Node's fetch": (host, port) =>
    node(`process.stdout.write(await (await fetch('${url(host, port)}')).text())`),
  'Node with the resolver of c-ares': (host, port) =>
    node(`import { Resolver } from 'node:dns/promises';
      import { connect } from 'node:net';
      const [address] = await new Resolver().resolve4('${host}');
      const socket = connect(${port}, address);
      socket.write('GET / HTTP/1.0\\r\\n\\r\\n');
      for await (const chunk of socket) process.stdout.write(chunk);`),
  'a static program with the resolver of musl': (host, port) => [fetchWithMusl(), host, `${port}`],
  'python3 with asyncio': (host, port) => [
    'python3',
    '-c',
    `
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("${host}", ${port})
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print((await reader.read()).decode())
asyncio.run(main())`,
  ],
};

for (const [client, fetch] of Object.entries(clients)) {
  test(`${client} gets the page from the server that proves the name, and from no other`, {
    skip: !privileged,
  }, async () => {
    const right = await stage.run(['--client-tls', `${web.port}`], fetch(name, web.port));
    assert.equal(right.code, 0, right.stderr);
    assert.ok(right.stdout.endsWith(text) || right.stdout.trimEnd().endsWith(text), right.stdout);
    const wrong = await stage.run(['--client-tls', `${web.port}`], fetch(wrongName, web.port));
    assert.notEqual(wrong.code, 0);
    assert.match(
      wrong.stderr,
      /the certificate is for www\.example\.com, not for wrong\.example\.com/,
    );
    assert.equal(wrong.stdout, '');
  });
}

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
