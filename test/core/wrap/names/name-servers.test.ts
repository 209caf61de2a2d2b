import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { before, test } from 'node:test';
import { builtLauncher } from '../../../../src/core/engine/launcher.ts';
import { parseDnsMessage } from '../../../../src/core/wrap/names/dns-message.ts';
import { NameServers } from '../../../../src/core/wrap/names/name-servers.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { openPrivateNetwork } from '../../../../src/core/wrap/supervisor/private-network.ts';
import { until } from '../../../patience.ts';
import { dnsTypes, encodeMessage, record } from './dns-encoding.ts';
import { DnsServer } from './dns-server.ts';

const zone = [
  record.cname('www.example.com', 'a.example.com'),
  record.a('a.example.com', '192.0.2.1'),
];
const question = encodeMessage({ id: 77, question: ['www.example.com', dnsTypes.a] });

before(() => openPrivateNetwork(builtLauncher));

/** A resolver's socket in the private network. */
function resolver(own = '192.0.2.9', port = 0) {
  const socket = createSocket(own.includes(':') ? 'udp6' : 'udp4');
  socket.bind({ fd: nativeSupervisor().nameServerInside(own, port), exclusive: true });
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

async function answerTo(socket: Socket): Promise<[Buffer, RemoteInfo]> {
  const signal = AbortSignal.timeout(60_000);
  return (await once(socket, 'message', { signal })) as [Buffer, RemoteInfo];
}

/** Stands in for one server; what is learned reads `process: names`. */
function standingIn(server: DnsServer) {
  const learned: string[] = [];
  const servers = new NameServers((process, { names }) => {
    learned.push(`${process}: ${names.map(({ name }) => name)}`);
  });
  servers.standInFor({ address: server.address, port: server.port });
  return Object.assign(servers, { learned });
}

test("the answer comes from the server's own address, and its name is learned before", async () => {
  await using server = await DnsServer.open(zone);
  using servers = standingIn(server);
  using program = resolver();
  servers.expect(program.address(), 7);
  program.send(question, server.port, server.address);
  const [answer, from] = await answerTo(program);
  assert.equal(parseDnsMessage(answer)?.records.length, 2);
  assert.deepEqual([from.address, from.port], [server.address, server.port]);
  assert.deepEqual(servers.learned, ['7: www.example.com']);
});

test('nobody else is answered', async () => {
  await using server = await DnsServer.open(zone);
  using servers = standingIn(server);
  using program = resolver();
  using stranger = resolver();
  servers.expect(program.address(), 7);
  const other = encodeMessage({ id: 78, question: ['a.example.com', dnsTypes.a] });
  stranger.on('message', () => assert.fail('it is answered'));
  stranger.send(other, server.port, server.address);
  program.send(question, server.port, server.address);
  await answerTo(program);
  assert.deepEqual(servers.learned, ['7: www.example.com']);
});

test('a port that is used again asks for who has it now', async () => {
  await using server = await DnsServer.open(zone);
  using servers = standingIn(server);
  using program = resolver();
  for (const process of [7, 8]) {
    servers.expect(program.address(), process);
    program.send(question, server.port, server.address);
    await answerTo(program);
  }
  assert.deepEqual(servers.learned, ['7: www.example.com', '8: www.example.com']);
});

test('two servers are asked by one socket', async () => {
  await using first = await DnsServer.open(zone, { address: '127.3.0.1' });
  await using second = await DnsServer.open(zone, { address: '127.3.0.2' });
  using servers = standingIn(first);
  servers.standInFor({ address: second.address, port: second.port });
  using program = resolver();
  servers.expect(program.address(), 7);
  for (const server of [first, second]) {
    program.send(question, server.port, server.address);
    const [, from] = await answerTo(program);
    assert.equal(from.address, server.address);
  }
  assert.equal(servers.learned.length, 2);
});

test('a server of IPv6 is asked, and one of IPv4 by a socket of IPv6', async () => {
  await using six = await DnsServer.open(zone, { address: '::1' });
  await using four = await DnsServer.open(zone, { address: '127.3.0.3' });
  using servers = standingIn(six);
  servers.standInFor({ address: four.address, port: four.port });
  using program = resolver('::');
  servers.expect(program.address(), 7);
  const asked = [
    [six.port, '::1'],
    [four.port, `::ffff:${four.address}`],
  ] as const;
  for (const [port, address] of asked) {
    program.send(question, port, address);
    const [, from] = await answerTo(program);
    assert.deepEqual([from.port, from.address], [port, address]);
  }
  assert.equal(servers.learned.length, 2);
});

test('sockets of two processes may have the same port, at addresses of their own', async () => {
  await using server = await DnsServer.open(zone);
  using servers = standingIn(server);
  using seventh = resolver('192.0.2.7');
  using eighth = resolver('192.0.2.8', seventh.address().port);
  servers.expect(seventh.address(), 7);
  servers.expect(eighth.address(), 8);
  for (const program of [seventh, eighth]) {
    program.send(question, server.port, server.address);
    await answerTo(program);
  }
  assert.deepEqual(servers.learned, ['7: www.example.com', '8: www.example.com']);
});

test('sockets towards servers are bounded, however many servers and resolvers there are', async () => {
  await using server = await DnsServer.open(zone);
  const before = sockets();
  using servers = new NameServers(() => {}, { forwarders: 3 });
  const places = [1, 2, 3, 4].map((last) => `127.3.1.${last}`);
  for (const address of places) servers.standInFor({ address, port: server.port });
  using program = resolver('127.3.1.9');
  servers.expect(program.address(), 7);
  for (const address of places) program.send(question, server.port, address);
  servers.standInFor({ address: server.address, port: server.port });
  program.send(question, server.port, server.address);
  await answerTo(program);
  // Five stand-ins, the resolver, and the sockets towards servers.
  await until('those in excess are closed', () => sockets() <= before + 5 + 1 + 3);
});

function sockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}
