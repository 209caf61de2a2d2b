/** DTLS through a pool, with OpenSSL and GnuTLS on the other side, in both roles. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  connect as connectPool,
  type PoolConnection,
  type PoolSession,
  type StartTlsRequest,
} from '../../src/client/index.ts';
import { closeFd, messagePair, socketPair } from '../../src/core/engine/sockets.ts';
import { startTlsFlags } from '../../src/core/protocol/flags.ts';
import { dns, type Maker, mail, make, makeRoot } from '../core/trust/made-certificates.ts';
import { badly, DatagramProgram, Network, udpTo } from '../datagrams.ts';
import { until, within } from '../patience.ts';
import { type DtlsMake, gnutlsDtls, opensslDtls } from './stage/dtls-makes.ts';
import type { Files } from './stage/other-makes.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { RawClient, startTls } from './stage/raw-client.ts';
import { Running } from './stage/running.ts';

const OTHER_HOST = 'www.example.net';
const OURS = 'ours.example.com';
/** RFC 5246 section 7.2. */
const ALERT = {
  handshake_failure: 40,
  certificate_expired: 45,
  bad_certificate: 42,
  unknown_ca: 48,
} as const;

let pool: Pool;
let program: PoolConnection;
let root: Maker;
const files = new Map<string, Files>();

before(async () => {
  const both = ['--role', 'both'];
  pool = await Pool.serving([
    [OURS, '--key', 'ec-p256', ...both],
    ['rsa.example.com', '--key', 'rsa-2048', ...both],
  ]);
  root = makeRoot('Other Root');
  writeFileSync(join(pool.folder, 'root.der'), root.certificate);
  const anchor = ['--role', 'both', '--for', '.', '--for', '@.'];
  await pool.command('trust', 'add', join(pool.folder, 'root.der'), ...anchor);
  const stranger = makeRoot('Stranger');
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const mary = { names: [mail('mary@example.com')], usage: 'client', keys } as const;
  keep('mary', make(mary, root));
  keep('expired', make({ ...mary, from: -20, until: -10 }, root));
  keep('strange', make(mary, stranger));
  keep('host', make({ names: [dns(OTHER_HOST)], usage: 'server', keys }, root));
  keep('strange host', make({ names: [dns(OTHER_HOST)], keys }, stranger));
  program = await connectPool({ socket: pool.socket });
});

after(async () => {
  program?.close();
  await pool?.[Symbol.asyncDispose]();
});

function keep(name: string, { certificate, privateKey }: Maker): void {
  const base = join(pool.folder, name.replaceAll(' ', '-'));
  writeFileSync(`${base}.pem`, new X509Certificate(certificate).toString());
  writeFileSync(`${base}.key`, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  files.set(name, { chain: `${base}.pem`, key: `${base}.key` });
}

function filesOf(name: string): Files {
  return files.get(name) ?? assert.fail(`nobody is called ${name}`);
}

interface Met {
  readonly session: PoolSession;
  readonly plain: DatagramProgram;
}

/** @returns why not, if it is refused */
async function meet(request: Omit<StartTlsRequest, 'plain'>): Promise<Met | string> {
  let plain: DatagramProgram | undefined;
  const give = () => {
    const [ours, given] = messagePair();
    plain = new DatagramProgram(ours);
    return given;
  };
  const { flags } = request;
  try {
    const dtls = { ...request, flags: { ...flags, dtls: true }, plain: give };
    const session = await program.startTls(dtls);
    return { session, plain: plain ?? assert.fail('no plaintext socket was asked for') };
  } catch (error) {
    plain?.close();
    return error instanceof Error ? error.message : String(error);
  }
}

function isMet(outcome: Met | string): asserts outcome is Met {
  if (typeof outcome === 'string') assert.fail(outcome);
}

function start([command = '', ...args]: string[]): Running {
  return new Running(command, args, { stdio: 'pipe' });
}

/** The number of the alert that a program says it received. */
async function alertTo({ alert }: DtlsMake, running: Running): Promise<number> {
  const found = () =>
    alert
      .exec(running.stderr + running.stdout)
      ?.slice(1)
      .find(Boolean);
  await until('word of an alert', () => found() !== undefined);
  return Number(found());
}

for (const by of [opensslDtls, gnutlsDtls]) {
  for (const localId of [OURS, 'rsa.example.com']) {
    test(`${by.name} visits ${localId}, and is known by its certificate`, async () => {
      await using network = await Network.create();
      const request = { fd: network.serverFd(), role: 'server', localIds: ['.'] } as const;
      await using client = start(by.client(network.port, localId, filesOf('mary'), pool.caFile));
      const met = await meet(request);
      isMet(met);
      using plain = met.plain;
      assert.equal(met.session.remoteId, 'mary@example.com');
      assert.equal(met.session.localId, localId);
      client.child.stdin?.write('ping\n');
      assert.equal(await plain.text(), 'ping\n');
      plain.send('welcome\n');
      await client.printing(/welcome/);
    });
  }

  test(`${by.name} visits through a network that loses, doubles and reorders`, async () => {
    await using network = await Network.create(badly(7, 0.08));
    await using client = start(by.client(network.port, OURS, filesOf('mary'), pool.caFile));
    const met = await meet({ fd: network.serverFd(), role: 'server', localId: OURS });
    isMet(met);
    using plain = met.plain;
    assert.equal(met.session.remoteId, 'mary@example.com');
    // What is lost is said again, by those who want it to arrive.
    const repeat = setInterval(() => {
      client.child.stdin?.write('ping\n');
      plain.send('welcome\n');
    }, 100);
    try {
      assert.equal(await plain.text(), 'ping\n');
      await client.printing(/welcome/);
    } finally {
      clearInterval(repeat);
    }
    assert.ok(network.carried.some(({ fate }) => fate === 'lose'));
  });

  const refused: readonly [who: string | undefined, alert: number][] = [
    [undefined, ALERT.handshake_failure],
    ['strange', ALERT.unknown_ca],
    ['expired', ALERT.certificate_expired],
  ];
  for (const [who, alert] of refused) {
    test(`${by.name} is refused with an alert when it shows ${who ?? 'nothing'}`, async () => {
      await using network = await Network.create();
      const own = who === undefined ? undefined : filesOf(who);
      await using client = start(by.client(network.port, OURS, own, pool.caFile));
      const outcome = await meet({ fd: network.serverFd(), role: 'server', localId: OURS });
      assert.equal(typeof outcome, 'string');
      assert.equal(await alertTo(by, client), alert);
    });
  }

  test(`${by.name} is visited, and knows us by our certificate`, async () => {
    await using server = await serverOf(by, 'host');
    const met = await meet({
      fd: udpTo(server.port),
      role: 'client',
      localId: OURS,
      remoteId: OTHER_HOST,
    });
    isMet(met);
    using plain = met.plain;
    assert.equal(met.session.remoteId, OTHER_HOST);
    assert.equal(met.session.localId, OURS);
    plain.send('ping\n');
    // GnuTLS sends it back, OpenSSL prints it.
    if (by === gnutlsDtls) assert.equal(await plain.text(), 'ping\n');
    else await server.running.printing(/ping/);
  });

  test(`${by.name} is refused with an alert when it is not whom we asked for`, async () => {
    for (const [who, remoteId, alert] of [
      ['host', 'www.example.org', ALERT.bad_certificate],
      ['strange host', OTHER_HOST, ALERT.unknown_ca],
    ] as const) {
      await using server = await serverOf(by, who);
      const request = { fd: udpTo(server.port), role: 'client', localId: OURS, remoteId } as const;
      assert.equal(typeof (await meet(request)), 'string');
      assert.equal(await alertTo(by, server.running), alert);
    }
  });
}

async function serverOf(by: DtlsMake, who: string) {
  const port = await freePort();
  const running = start(by.server(port, filesOf(who), pool.caFile));
  const said = () => by.up.test(running.stdout + running.stderr);
  await until(`${by.name} to listen`, said);
  return { port, running, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

test('a session of DTLS is listed, tells of itself, is detached and taken up again', async () => {
  await using network = await Network.create();
  await using client = start(opensslDtls.client(network.port, OURS, filesOf('mary'), pool.caFile));
  const met = await meet({
    fd: network.serverFd(),
    role: 'server',
    localId: OURS,
    service: 'coap',
  });
  isMet(met);
  using plain = met.plain;
  const { session } = met;
  const listed = JSON.parse(await pool.command('sessions', 'list', '--json')) as {
    sessions: { version: string; remoteId: string; lostIn: number; lostOut: number }[];
  };
  const mine = listed.sessions.find(({ version }) => version === 'DTLSv1.2');
  assert.equal(mine?.remoteId, 'mary@example.com');
  assert.deepEqual([mine.lostIn, mine.lostOut], [0, 0]);
  const { ctlkey } = session;
  const keys = await program.prng({ ctlkey, label: 'EXTRACTOR-dtls_srtp', length: 60 });
  assert.equal(keys.length, 60);
  await assert.rejects(session.renew(), { code: 'command-notimpl' });
  await session.detach();
  await program.reattach(ctlkey);
  client.child.stdin?.write('still here\n');
  assert.equal(await plain.text(), 'still here\n');
});

test('the server of the guide greets who comes, one after the other', async () => {
  const root = join(import.meta.dirname, '../..');
  const guide = readFileSync(join(root, 'docs/dtls.md'), 'utf8');
  const [, example = ''] = /^```python\n(.*?)^```$/ms.exec(guide) ?? [];
  const port = await freePort();
  const handedOver = `
import os, socket, sys
sys.path.insert(0, '${join(import.meta.dirname, 'python')}')
from tlspool_client import *
pool = Pool(os.environ['TLSPOOL_SOCKET'])
flags = LOCALROLE_SERVER | REMOTEROLE_CLIENT | IGNORE_REMOTEID | DTLS
def handed_over(wire, theirs):
    pool.starttls(wire, flags, localid='${OURS}', plain=theirs)
`;
  const program = example
    .replace('0.0.0.0', '127.0.0.1')
    .replace('5684', String(port))
    .replace('while True:', 'print("ready", flush=True)\nwhile True:');
  await using server = new Running('python3', ['-c', handedOver + program], {
    env: pool.environment,
  });
  await server.printing(/ready/);
  for (const by of [opensslDtls, gnutlsDtls]) {
    await using client = start(by.client(port, OURS, undefined, pool.caFile));
    await client.printing(/welcome/);
  }
});

test('flags and sockets that do not go together are refused, with what would', async () => {
  await using network = await Network.create();
  const { dtls } = startTlsFlags;
  const flags = startTls().flags;
  for (const [message, text] of [
    [{ flags: flags | dtls, ipProtocol: 6 }, /TCP takes TLS/],
    [{ flags, ipProtocol: 17 }, /set the flag DTLS/],
    [{ flags: flags | dtls, ipProtocol: 132 }, /not IP protocol 132/],
  ] as const) {
    using raw = new RawClient(pool.socket);
    await raw.say(startTls({ ...message, localId: OURS }), { fd: network.serverFd() });
    const answer = await raw.hear();
    assert.ok(answer?.message.command === 'error');
    assert.match(answer.message.text, text);
  }
  const [one] = messagePair();
  assert.match(String(await meet({ fd: one, role: 'server', localId: OURS })), /not a UDP socket/);
});

test('a plaintext socket that is a stream is refused, and the other side told', async () => {
  await using network = await Network.create();
  await using client = start(opensslDtls.client(network.port, OURS, filesOf('mary'), pool.caFile));
  const [ours, given] = socketPair();
  const flags = { dtls: true };
  const request = { fd: network.serverFd(), role: 'server', localId: OURS, flags } as const;
  await assert.rejects(program.startTls({ ...request, plain: () => given }), {
    code: 'plain-socket-needed',
    message: /stream socket, in which datagrams lose their boundaries/,
  });
  closeFd(ours);
  await within('the end of the client', client.ended);
});
