import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { DnsSniffer } from '../../../../src/core/wrap/names/sniffer.ts';
import { dnsTypes, encodeMessage, record } from './dns-encoding.ts';
import { DnsServer } from './dns-server.ts';

const privileged = process.getuid?.() === 0;
const name = 'sniffed.example.com';
const zone = [record.a(name, '192.0.2.1')];

/** An address of loopback that no other test has: port 53 is the one that counts. */
const server = { address: `127.${randomByte()}.${randomByte()}.${randomByte()}`, port: 53 };

function randomByte(): number {
  return 1 + Math.floor(Math.random() * 250);
}

async function ask(socket: Socket): Promise<void> {
  socket.send(encodeMessage({ id: 5, question: [name, dnsTypes.a] }), server.port, server.address);
  await once(socket, 'message', { signal: AbortSignal.timeout(30_000) });
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test('what a process of the tree asks is learned when its answer has come', {
  skip: !privileged,
}, async () => {
  await using _server = await DnsServer.open(zone, server);
  const learned: [number, string][] = [];
  const sniffer = DnsSniffer.open((process, { names }) => {
    for (const { name, addresses } of names) learned.push([process, `${name} ${addresses}`]);
  });
  assert.ok(sniffer);
  const [ours, others] = [await bound(), await bound()];
  sniffer.expect(ours.address().port, { process: 42, isOpen: () => true });
  await ask(others);
  await ask(ours);
  sniffer.drain();
  assert.deepEqual(learned, [[42, `${name} 192.0.2.1`]]);
  sniffer.close();
  ours.close();
  others.close();
});

test('a port that a process had once is not its own for ever', { skip: !privileged }, async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  await using _server = await DnsServer.open(zone, server);
  let learned = 0;
  const sniffer = DnsSniffer.open(() => learned++);
  assert.ok(sniffer);
  const socket = await bound();
  sniffer.expect(socket.address().port, { process: 42, isOpen: () => false });
  t.mock.timers.tick(5_001);
  await ask(socket);
  sniffer.drain();
  assert.equal(learned, 0);
  sniffer.close();
  socket.close();
});
