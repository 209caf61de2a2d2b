import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { event, within } from '../patience.ts';
import { connected, name } from './stage/clients.ts';
import { ListeningPrograms } from './stage/listening-programs.ts';
import { PlainServer } from './stage/plain-server.ts';
import { page, type TlsServer } from './stage/tls-server.ts';
import { tunnelled } from './stage/wrapped.ts';
import { WrappedClients } from './stage/wrapped-client.ts';

const privileged = process.getuid?.() === 0;

let programs: ListeningPrograms;
before(async () => {
  programs = await ListeningPrograms.create();
});
after(() => programs[Symbol.asyncDispose]());

/** How much comes, and whether it ends properly or by a reset. */
function wholeOf(socket: Socket): Promise<[number, 'end' | 'reset']> {
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  const { promise, resolve, reject } = Promise.withResolvers<[number, 'end' | 'reset']>();
  socket.on('end', () => resolve([length, 'end']));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') resolve([length, 'reset']);
    else reject(error);
  });
  return within('the end of a connection', promise);
}

test('what a wrapped server cuts off does not look complete to its client', async () => {
  await using served = await programs.serve('cutting-off.py');
  const said = async (manner: string) => {
    const socket = await connected(programs.pool, served.port);
    const whole = wholeOf(socket);
    if (manner === 'whole') socket.end(manner);
    else socket.write(manner);
    return whole;
  };
  assert.deepEqual(await said('reset'), [50_000, 'reset']);
  assert.deepEqual(await said('unread'), [50_000, 'reset']);
  assert.deepEqual(await said('whole'), [50_000, 'end']);
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

for (const flags of [[], ['--standalone']]) {
  test(`a tunnel passes resets on, both ways (${flags.join('') || 'with the daemon'})`, async () => {
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
    await using server = await PlainServer.start((socket) => {
      socket.on('error', () => {}).once('data', () => socket.resetAndDestroy());
      resolve(socket);
    });
    await using served = await tunnelled(programs.pool, ...flags, '--connect', server.address);
    const client = await connected(programs.pool, served.port);
    const cut = wholeOf(client);
    client.write('go');
    assert.deepEqual(await cut, [0, 'reset']);
    await accepted;
  });
}

test("a client's reset reaches the server behind a tunnel", async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<{ whole: Promise<unknown> }>();
  await using server = await PlainServer.start((socket) => resolve({ whole: wholeOf(socket) }));
  await using served = await tunnelled(programs.pool, '--connect', server.address);
  const raw = connect(served.port, '127.0.0.1');
  const client = connectTls({ socket: raw, servername: name, rejectUnauthorized: false });
  await event(client, 'secureConnect');
  client.on('error', () => {});
  await new Promise((written) => client.write('part', written));
  const { whole } = await within('the connection', accepted);
  raw.resetAndDestroy();
  assert.deepEqual(await whole, [4, 'reset']);
});

test('a wrapped client is told that its server cut it off', { skip: !privileged }, async () => {
  await using stage = await WrappedClients.start();
  await using whole = await stage.serve(page('complete'));
  await using cut = await stage.serve((socket) => {
    socket.once('data', () => socket.write('part', () => cutOff(socket)));
  });
  const fetch = (server: TlsServer) =>
    stage.run(
      ['--client-tls', `${server.port}`],
      ['python3', '-c', reading, WrappedClients.name, `${server.port}`],
    );
  assert.match((await fetch(whole)).stdout, /complete'$/m);
  const { stdout } = await fetch(cut);
  assert.match(stdout, /b'part'\nConnectionResetError/);
});

/** Ends the TCP connection below TLS, as anybody on the way could. */
function cutOff(socket: object): void {
  const { _parent: below } = socket as { _parent: Socket };
  below.end();
}

const reading = `
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    try:
        while some := connection.recv(65536):
            print(some)
    except OSError as error:
        print(type(error).__name__)
`;
