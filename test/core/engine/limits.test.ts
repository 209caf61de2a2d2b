import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { RenewSession } from '../../../src/core/engine/types.ts';
import { event, until } from '../../patience.ts';
import { Running } from '../../programs/stage/running.ts';
import {
  listen,
  type Observed,
  open,
  Pki,
  plaintext,
  serve,
  startEngine,
  tcpPair,
} from './fixture.ts';
import { Intruder } from './tls12-intruder.ts';

/** Records after which the engine changes keys. */
const KEYED = 100;
const pki = new Pki();
const engine = startEngine({ threads: 1, keyUpdateRecords: KEYED });
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const local = { credentials: [credential] };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

interface Visit extends AsyncDisposable {
  readonly client: Running;
  readonly session: Observed;
  readonly program: ReturnType<typeof plaintext>['program'];
  /** Types it into the client. */
  type(text: string): void;
  /** What the program heard so far. */
  heard(): string;
}

/** Lets s_client change its key, and waits until it has said so: it takes one command at a time. */
async function changeKey(visit: Visit, soFar: number): Promise<void> {
  visit.type('K\n');
  const changes = () => visit.client.stderr.match(/KEYUPDATE/g)?.length ?? 0;
  const { child } = visit.client;
  await until('a new key', () => changes() > soFar || child.exitCode !== null);
}

/** A client program, which takes what is typed into it, connected to a session. */
async function visitBy(command: string, args: (port: string) => string[]): Promise<Visit> {
  using listener = listen();
  const accepted = listener.accept();
  const client = new Running(command, args(String(listener.port)), { stdio: 'pipe' });
  client.child.stdin?.on('error', () => {});
  const { fd, program } = plaintext();
  const session = open(engine, { fd: await accepted, role: 'server', local, plainFd: fd });
  let heard = '';
  program.on('data', (chunk: Buffer) => {
    heard += chunk;
  });
  await session.established;
  return {
    client,
    session,
    program,
    type: (text) => client.child.stdin?.write(text),
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      program.destroy();
      await client[Symbol.asyncDispose]();
    },
  };
}

function openssl(...options: string[]): Promise<Visit> {
  const to = (port: string) => ['s_client', '-connect', `127.0.0.1:${port}`, ...options];
  return visitBy('openssl', to);
}

const keyUpdate = 'TLS 1.3, Handshake \\[length 0005\\], KeyUpdate';

test('a client that asks to renegotiate hears no_renegotiation', async () => {
  const { client, program, session } = await serve(engine, { local }, { maxVersion: 'TLSv1.2' });
  const refused = event(client, 'error');
  client.renegotiate({}, () => {});
  assert.equal(((await refused)[0] as NodeJS.ErrnoException).code, 'ERR_SSL_NO_RENEGOTIATION');
  program.resume().end();
  client.destroy();
  await session.closed;
});

test('a client may ask to renegotiate several times, the session goes on', async () => {
  const tls12 = ['--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.2'];
  const insecure = ['--no-ca-verification', '--rehandshake', ...tls12];
  await using visit = await visitBy('gnutls-cli', (port) => [...insecure, '-p', port, '127.0.0.1']);
  const refusals = () => visit.client.stdout.match(/Received alert \[100\]/g)?.length ?? 0;
  await until('refusals', () => refusals() >= 10);
  // It is the client that loses patience in the end.
  const closed = await visit.session.closed;
  assert.equal(closed.failure?.side, 'remote');
  assert.equal(closed.failure?.alert?.direction, 'received');
});

test('a client that only asks to renegotiate, and does not read the answers, does not stay', async () => {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const session = open(engine, { fd, role: 'server', local, plainFd });
  const intruder = await Intruder.enter(peer);
  peer.pause();
  intruder.renegotiate(100);
  const closed = await session.closed;
  assert.equal(closed.reason, 'protocol-error');
  assert.match(closed.failure?.reason ?? '', /floods/);
  assert.ok(closed.counters.recordsOut < 60, 'most of them got no answer');
  program.destroy();
  peer.destroy();
});

test('a peer may change its key now and then', async () => {
  await using visit = await openssl('-tls1_3');
  let said = '';
  for (let count = 0; count < 10; count++) {
    await changeKey(visit, count);
    visit.type(`line ${count}\n`);
    said += `line ${count}\n`;
    await until('the line', () => visit.heard() === said);
  }
  visit.client.child.stdin?.end();
  visit.program.on('end', () => visit.program.end());
  assert.equal((await visit.session.closed).reason, 'closed');
});

test('a client that cannot be asked anew gets the new key that it wanted, and no other session anything of it', async () => {
  await using visit = await openssl('-tls1_3');
  const other = await serve(engine, { local });
  await changeKey(visit, 0);
  visit.type('changed\n');
  await until('the line', () => visit.heard() === 'changed\n');
  const demand: RenewSession = { peer: 'require', local, timeout: 10_000 };
  assert.equal(await engine.renew(visit.session.id, demand), 'unable');
  const arrived = event(other.client, 'data');
  other.program.write('of the other');
  assert.equal(String((await arrived)[0]), 'of the other');
  visit.program.write('by the new key');
  await visit.client.printing(/by the new key/);
  other.client.destroy();
  other.program.resume().end();
});

test('a flood of KeyUpdate messages ends the session', async () => {
  await using visit = await openssl('-tls1_3');
  let ended = false;
  const closed = visit.session.closed.finally(() => {
    ended = true;
  });
  for (let count = 0; !ended && count < 100; count++) {
    await Promise.race([changeKey(visit, count), closed]);
  }
  assert.equal((await closed).reason, 'protocol-error');
  assert.match((await closed).failure?.reason ?? '', /floods/);
});

test('our sending key is changed before its limit, and the data arrive', async () => {
  const messages = pki.file('messages');
  await using visit = await openssl('-tls1_3', '-quiet', '-msg', '-msgfile', messages);
  const size = 8 * 1024 * 1024;
  visit.program.end(Buffer.alloc(size, 'k'));
  await until('all data', () => visit.client.stdout.length === size);
  await visit.client[Symbol.asyncDispose]();
  const { counters } = await visit.session.closed;
  assert.equal(counters.bytesOut, size);
  const updates = readFileSync(messages, 'latin1').match(new RegExp(`<<< ${keyUpdate}`, 'g')) ?? [];
  // Checked once for each burst, which may be of 16 records.
  const least = Math.floor(size / 16_384 / (KEYED + 16));
  assert.ok(updates.length >= least, `${updates.length} updates in ${counters.recordsOut} records`);
  assert.ok(updates.length <= counters.recordsOut / KEYED);
});

test('the peer is asked for a new key before the limit of what it sends', async () => {
  const messages = pki.file('messages-in');
  await using visit = await openssl('-tls1_3', '-quiet', '-msg', '-msgfile', messages);
  let said = '';
  // One record each: the next line is typed when this one has arrived.
  for (let count = 1; count <= KEYED + 10; count++) {
    said += `${count}\n`;
    visit.type(`${count}\n`);
    await until('the line', () => visit.heard() === said);
  }
  visit.program.write('something to say');
  await visit.client.printing(/something to say/);
  visit.type('the last line\n');
  await until('the last line', () => visit.heard() === `${said}the last line\n`);
  assert.match(readFileSync(messages, 'latin1'), new RegExp(`>>> ${keyUpdate}`));
});
