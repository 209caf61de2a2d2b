/** A tunnel for datagrams knows nobody who has not shown that it is where its datagrams come from. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bindUdp, closeFd, connectUdp, send } from '../../src/core/engine/sockets.ts';
import { firstHello, madeHello } from '../core/dtls/made-hello.ts';
import { type FateOf, Network } from '../datagrams.ts';
import { until } from '../patience.ts';
import { type DtlsMake, gnutlsDtls, opensslDtls } from './stage/dtls-makes.ts';
import { EchoingDatagrams } from './stage/echoing-datagrams.ts';
import { Pool } from './stage/pool.ts';
import { Running } from './stage/running.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const makes = [opensslDtls, gnutlsDtls];

let pool: Pool;
let plainServer: EchoingDatagrams;

before(async () => {
  pool = await Pool.serving([['localhost']]);
  plainServer = await EchoingDatagrams.start();
});

after(async () => {
  plainServer[Symbol.dispose]();
  await pool[Symbol.asyncDispose]();
});

function inFront(...flags: readonly string[]): Promise<Served> {
  return tunnelled(pool, '--udp', '--connect', plainServer.address, ...flags);
}

function visit(by: DtlsMake, port: number, ...more: readonly string[]): Running {
  const [command = '', ...args] = by.client(port, 'localhost', undefined, pool.caFile);
  // GnuTLS has the host at the end.
  const all = by === gnutlsDtls ? [...more, ...args] : [...args, ...more];
  return new Running(command, all, { stdio: 'pipe' });
}

async function talk(client: Running): Promise<void> {
  client.child.stdin?.write('ping\n');
  await client.printing(/PING/);
}

/** Between a client and the tunnel. */
async function networkTo(port: number, fate: FateOf): Promise<Network> {
  const network = await Network.create(fate);
  network.server = port;
  return network;
}

function descriptorsOf({ pid }: Running): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** KiB of its own, in memory. */
function memoryOf({ pid }: Running): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

async function sessions(): Promise<readonly { readonly peer: string }[]> {
  const listed = JSON.parse(await pool.command('sessions', 'list', '--json'));
  return (listed as { sessions: { peer: string }[] }).sessions;
}

/** Sends hellos from so many addresses, none of which hears an answer, and waits until all were heard. */
async function spoof(count: number, port: number): Promise<void> {
  const witness = createSocket('udp4').bind(0, '127.0.0.1');
  await once(witness, 'listening');
  let heard = 0;
  witness.on('message', () => heard++);
  for (let sent = 0; sent < count; sent++) {
    const fd = bindUdp(`127.${1 + (sent >> 14)}.${(sent >> 7) & 127}.${1 + (sent & 127)}`, 0);
    connectUdp(fd, '127.0.0.1', port);
    send(fd, madeHello(firstHello()));
    closeFd(fd);
    // What is heard comes in order, and no more than the tunnel's socket holds is on its way.
    if (sent % 100 !== 99) continue;
    const before = heard;
    witness.send(madeHello(firstHello()), port, '127.0.0.1');
    await until('an answer', () => heard > before);
  }
  witness.close();
  await once(witness, 'close');
}

test('of 20,000 hellos from as many addresses nothing is left, and no place is taken', async () => {
  await using tunnel = await inFront('--max-handshakes', '1');
  const { running, port } = tunnel;
  await spoof(2_000, port);
  const both = [running, pool.daemon];
  const then = both.map((one) => [descriptorsOf(one), memoryOf(one)]);
  await spoof(20_000, port);
  for (const [at, one] of both.entries()) {
    const [descriptors = 0, memory = 0] = then[at] ?? [];
    assert.ok(descriptorsOf(one) <= descriptors, `${descriptorsOf(one)} of ${descriptors}`);
    // A session takes 20 KiB at least, and what V8 does not collect at once is a few MiB.
    assert.ok(memoryOf(one) < memory + 32_768, `${memoryOf(one)} KiB of ${memory}`);
  }
  assert.deepEqual(await sessions(), []);
  for (const by of makes) {
    await using client = visit(by, port);
    await talk(client);
  }
});

for (const by of makes) {
  test(`${by.name} gets through when the first answer is lost, and its second hello`, async () => {
    await using tunnel = await inFront();
    const lost: string[] = [];
    const loseFirst = (what: string) => {
      if (lost.includes(what)) return 'pass';
      lost.push(what);
      return 'lose';
    };
    await using network = await networkTo(tunnel.port, (direction, data) => {
      if (direction === 'to-client' && data[13] === 3) return loseFirst('HelloVerifyRequest');
      if (direction === 'to-server' && data[13] === 1 && data[18] === 1) return loseFirst('hello');
      return 'pass';
    });
    await using client = visit(by, network.port);
    await talk(client);
    assert.deepEqual(lost, ['HelloVerifyRequest', 'hello']);
  });

  test(`${by.name} has one session when the network doubles all it says`, async () => {
    await using tunnel = await inFront();
    const double: FateOf = (direction) => (direction === 'to-server' ? 'double' : 'pass');
    await using network = await networkTo(tunnel.port, double);
    await using client = visit(by, network.port);
    await talk(client);
    const peers = (await sessions()).map(({ peer }) => peer);
    assert.equal(peers.filter((peer) => peer === `127.0.0.1:${network.clientPort}`).length, 1);
  });

  test(`${by.name} gets through when its hello is divided over datagrams`, async () => {
    await using tunnel = await inFront();
    let divided = 0;
    await using network = await networkTo(tunnel.port, (direction, data) => {
      const isHello = direction === 'to-server' && data[13] === 1 && data.readUInt16BE(3) === 0;
      if (isHello && data.readUIntBE(14, 3) !== data.readUIntBE(22, 3)) divided++;
      return 'pass';
    });
    // As many as GnuTLS takes, and as long: of 32 bytes it leaves them out.
    const names = Array.from({ length: 8 }, (_, at) => `protocol-with-a-very-long-name${at}`);
    const flags =
      by === gnutlsDtls
        ? ['--mtu', '300', ...names.map((name) => `--alpn=${name}`)]
        : ['-mtu', '300', '-alpn', names.join(',')];
    await using client = visit(by, network.port, ...flags);
    await talk(client);
    assert.ok(divided >= 4, 'both hellos in two parts at least');
  });
}
