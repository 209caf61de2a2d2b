import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseUdpPacket } from '../../../../src/core/wrap/names/udp-packet.ts';

const datagram = [0x30, 0x39, 0, 53, 0, 10, 0, 0, 0x68, 0x69];
const ipv4 = [0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53];
const ipv6 = [
  ...[0x60, 0, 0, 0, 0, 10, 17, 64],
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
];

test('a datagram is read behind IPv4 and IPv6', () => {
  assert.deepEqual(parseUdpPacket(Uint8Array.from([...ipv4, ...datagram])), {
    source: { address: '192.0.2.1', port: 12345 },
    destination: { address: '192.0.2.53', port: 53 },
    data: Uint8Array.from([0x68, 0x69]),
  });
  assert.deepEqual(parseUdpPacket(Uint8Array.from([...ipv6, ...datagram, 0xff])), {
    source: { address: '2001:db8::1', port: 12345 },
    destination: { address: '2001:db8::2', port: 53 },
    data: Uint8Array.from([0x68, 0x69]),
  });
});

test('fragments, other protocols and packets that were cut are none', () => {
  const change = (at: number, value: number) =>
    Uint8Array.from([...ipv4, ...datagram].map((byte, index) => (index === at ? value : byte)));
  for (const packet of [
    change(7, 1),
    change(6, 0x20),
    change(9, 6),
    change(0, 0x41),
    change(25, 99),
  ]) {
    assert.equal(parseUdpPacket(packet), undefined);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => void parseUdpPacket(bytes)));
});
