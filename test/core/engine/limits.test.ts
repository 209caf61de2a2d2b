import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  listen,
  type Observed,
  open,
  Pki,
  plaintext,
  readAll,
  serve,
  startEngine,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine({ threads: 1, keyUpdateRecords: 100 });
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const local = { credentials: [credential] };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

/** openssl s_client, which takes commands on its standard input, connected to a session. */
async function sClient(...options: string[]): Promise<{
  child: ChildProcessWithoutNullStreams;
  session: Observed;
  program: ReturnType<typeof plaintext>['program'];
}> {
  using listener = listen();
  const accepted = listener.accept();
  const child = spawn('openssl', [
    's_client',
    '-connect',
    `127.0.0.1:${listener.port}`,
    ...options,
  ]);
  child.stdout.resume();
  child.stderr.resume();
  child.stdin.on('error', () => {});
  const { fd, program } = plaintext();
  const session = open(engine, { fd: await accepted, role: 'server', local, plainFd: fd });
  await session.established;
  return { child, session, program };
}

test('renegotiation asked for by the client is refused, and the session goes on', async () => {
  const { client, program, session } = await serve(engine, { local }, { maxVersion: 'TLSv1.2' });
  client.on('error', () => {});
  const refused = await new Promise<Error | null>((resolve) => client.renegotiate({}, resolve));
  assert.ok(refused, 'the client hears no_renegotiation');
  program.end();
  client.destroy();
  await session.closed;
});

test('a client that insists on renegotiating does not stay', async () => {
  const { child, session, program } = await sClient('-tls1_2');
  program.resume().on('end', () => program.end());
  for (let i = 0; i < 100 && child.exitCode === null; i++) {
    child.stdin.write('R\n');
    await delay(2);
  }
  child.kill();
  const closed = await session.closed;
  assert.ok(closed);
});

test('a peer may change its key now and then', async () => {
  const { child, session, program } = await sClient('-tls1_3');
  let heard = '';
  program.on('data', (chunk: Buffer) => {
    heard += chunk;
  });
  for (let i = 0; i < 10; i++) {
    child.stdin.write('K\n');
    await delay(10);
    child.stdin.write(`line ${i}\n`);
    await delay(10);
  }
  child.stdin.end();
  await once(program, 'end');
  assert.equal(heard, Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join(''));
  program.end();
  assert.equal((await session.closed).reason, 'closed');
});

test('a flood of KeyUpdate messages ends the session', async () => {
  const { child, session, program } = await sClient('-tls1_3');
  program.resume();
  const flood = setInterval(() => child.stdin.write('K\n'), 3);
  const closed = await session.closed;
  clearInterval(flood);
  child.kill();
  assert.equal(closed.reason, 'protocol-error');
  assert.match(closed.failure?.reason ?? '', /floods/);
  program.destroy();
});

test('our sending key is changed before its limit, and the data arrive', async () => {
  const messages = pki.file('messages');
  const { child, session, program } = await sClient(
    '-tls1_3',
    '-quiet',
    '-msg',
    '-msgfile',
    messages,
  );
  const size = 8 * 1024 * 1024;
  let arrived = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    arrived += chunk.length;
  });
  program.end(Buffer.alloc(size, 'k'));
  while (arrived < size) await once(child.stdout, 'data');
  child.stdin.end();
  await readAll(program);
  child.kill();
  assert.equal((await session.closed).counters.bytesOut, size);
  const updates =
    readFileSync(messages, 'latin1').match(/<<< TLS 1.3, Handshake \[length 0005\], KeyUpdate/g) ??
    [];
  assert.ok(updates.length >= 4 && updates.length < 10, `${updates.length} updates in 512 records`);
});

test('the peer is asked for a new key before the limit of what it sends', async () => {
  const messages = pki.file('messages-in');
  const { child, session, program } = await sClient(
    '-tls1_3',
    '-quiet',
    '-msg',
    '-msgfile',
    messages,
  );
  const heard = readAll(program);
  for (let i = 0; i < 150; i++) {
    child.stdin.write('x'.repeat(1000));
    await delay(2);
  }
  program.write('something to say');
  await delay(50);
  child.stdin.end();
  assert.equal((await heard).length, 150_000);
  program.end();
  await session.closed;
  assert.match(
    readFileSync(messages, 'latin1'),
    />>> TLS 1.3, Handshake \[length 0005\], KeyUpdate/,
  );
});
