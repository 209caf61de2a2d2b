import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../../patience.ts';
import { freshAddress } from '../../../programs/stage/own-names.ts';
import { freePort } from '../../../programs/stage/ports.ts';
import { echo, TlsServer } from '../../../programs/stage/tls-server.ts';
import { ClientStage } from './stage/client-stage.ts';

const name = 'www.example.com';
const address = freshAddress();

let server: TlsServer;
const stages: ClientStage[] = [];

/** A pool that trusts the server, and who brings connections to it. */
async function stageBy(by: 'thread' | 'process'): Promise<ClientStage> {
  const stage = await ClientStage.start(by);
  stages.push(stage);
  return stage;
}

let thread: ClientStage;
let here: ClientStage;

before(async () => {
  thread = await stageBy('thread');
  here = await stageBy('process');
  server = await TlsServer.start(thread.ca.credential(name), echo, { address });
  await here.pool.command('trust', 'add', thread.ca.file, '--role', 'server');
});

after(async () => {
  await server[Symbol.asyncDispose]();
  for (const stage of stages) await stage[Symbol.asyncDispose]();
});

const prelude = `
import errno, select, socket, sys
def exchange(s):
    s.settimeout(60)
    s.sendall(b"ping")
    assert s.recv(4) == b"ping"
def connect():
    s = socket.socket()
    return s, s.connect_ex(("${address}", PORT))
`;

function python(stage: ClientStage, script: string) {
  const given = prelude.replace('PORT', String(server.port));
  return stage.python(given + script, [String(server.port)], { remoteId: name });
}

/** Both have to be alike in all that the program sees. */
for (const [by, stage] of [
  ['a thread', () => thread],
  ['this process', () => here],
] as const) {
  test(`by ${by}: what a program sends before it closes at once arrives`, async () => {
    const script = `
for _ in range(20):
    s, error = connect()
    assert error == 0, error
    s.sendall(b"x" * 100000)
    s.shutdown(socket.SHUT_WR)
    got = 0
    while part := s.recv(65536): got += len(part)
    assert got == 100000, got
`;
    assert.deepEqual(await python(stage(), script), { code: 0, stdout: '', lost: [] });
  });

  test(`by ${by}: a server is let go when the program has lost its patience, however long the pool has`, async () => {
    // The program is its own server, which hears a ClientHello and never answers.
    const port = await freePort();
    const script = `
import errno, socket
server = socket.create_server(("${address}", ${port}))
s = socket.socket()
s.setblocking(False)
assert s.connect_ex(("${address}", ${port})) == errno.EINPROGRESS
met, _ = server.accept()
assert met.recv(1)
s.close()
while met.recv(4096): pass
`;
    const options = { remoteId: name, handshakeTimeout: Number.POSITIVE_INFINITY };
    const ran = await stage().python(script, [String(port)], options);
    assert.deepEqual(ran, { code: 0, stdout: '', lost: [] });
    await stage().pool.daemon.saying(/the program gave it up/);
  });

  test(`by ${by}: while the pool is away connections are refused, and when it is back they come about`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tlspool-told-'));
    const told = (what: string) => existsSync(join(folder, what));
    const script = `
def tell(what): open("${folder}/" + what, "w").close()
s, error = connect()
assert error == 0, error
exchange(s)
s.close()
tell("begun")
while not error:
    s, error = connect()
    s.close()
assert error == errno.ECONNREFUSED, error
tell("refused")
while error:
    select.select([], [], [], 0.05)
    s, error = connect()
exchange(s)
`;
    const { pool } = stage();
    const running = python(stage(), script);
    await until('a connection', () => told('begun'));
    await pool.stopServing();
    await until('a refusal', () => told('refused'));
    await pool.serve();
    const { code, lost } = await running;
    rmSync(folder, { recursive: true });
    assert.equal(code, 0, lost.join('\n'));
    assert.ok(lost.length > 0);
  });
}
