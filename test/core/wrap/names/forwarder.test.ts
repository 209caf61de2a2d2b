import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Learned } from '../../../../src/core/wrap/names/answer.ts';
import { parseDnsMessage } from '../../../../src/core/wrap/names/dns-message.ts';
import { DnsForwarder } from '../../../../src/core/wrap/names/forwarder.ts';
import { dnsTypes, encodeMessage, record } from './dns-encoding.ts';
import { DnsServer } from './dns-server.ts';

const zone = [
  record.cname('www.example.com', 'a.example.com'),
  record.a('a.example.com', '192.0.2.1'),
];
const question = encodeMessage({ id: 77, question: ['www.example.com', dnsTypes.a] });

async function client() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

test('the answer reaches the program, and its name is learned before', async () => {
  await using server = await DnsServer.open(zone);
  const learned: Learned[] = [];
  const forwarder = await DnsForwarder.open(
    { address: server.address, port: server.port, family: 'ipv4' },
    (one) => learned.push(one),
  );
  using program = await client();
  forwarder.serve('127.0.0.1', program.address().port);
  program.send(question, forwarder.port, '127.0.0.1');
  const [answer] = (await once(program, 'message', { signal: AbortSignal.timeout(30_000) })) as [
    Buffer,
  ];
  assert.equal(parseDnsMessage(answer)?.records.length, 2);
  assert.deepEqual(learned, [
    { names: [{ name: 'www.example.com', addresses: ['192.0.2.1'] }], services: [] },
  ]);
  forwarder.close();
});

test('nobody else can ask in the name of the program', async () => {
  await using server = await DnsServer.open(zone);
  const learned: Learned[] = [];
  const forwarder = await DnsForwarder.open(
    { address: server.address, port: server.port, family: 'ipv4' },
    (one) => learned.push(one),
  );
  using program = await client();
  using stranger = await client();
  forwarder.serve('127.0.0.1', program.address().port);
  const other = encodeMessage({ id: 78, question: ['a.example.com', dnsTypes.a] });
  stranger.send(other, forwarder.port, '127.0.0.1');
  program.send(question, forwarder.port, '127.0.0.1');
  await once(program, 'message', { signal: AbortSignal.timeout(30_000) });
  assert.deepEqual(
    learned.flatMap(({ names }) => names.map(({ name }) => name)),
    ['www.example.com'],
  );
  forwarder.close();
});
