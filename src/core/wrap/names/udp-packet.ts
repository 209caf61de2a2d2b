import { addressFromBytes } from './dns-message.ts';

/** A UDP datagram as it is on the wire, behind its IP header. */
export interface UdpPacket {
  readonly source: UdpEnd;
  readonly destination: UdpEnd;
  readonly data: Uint8Array;
}

export interface UdpEnd {
  readonly address: string;
  readonly port: number;
}

/** IPv4 (RFC 791) or IPv6 (RFC 8200) without fragments and extension headers; undefined for anything else. */
export function parseUdpPacket(packet: Uint8Array): UdpPacket | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) return readIpv4(packet);
  return version === 6 ? readIpv6(packet) : undefined;
}

const udp = 17;

function readIpv4(packet: Uint8Array): UdpPacket | undefined {
  const header = ((packet[0] ?? 0) & 0x0f) * 4;
  if (header < 20 || packet.length < header || packet[9] !== udp) return undefined;
  // More fragments, or not the first one.
  if ((word(packet, 6) & 0x3fff) !== 0) return undefined;
  return readUdp(packet.subarray(12, 16), packet.subarray(16, 20), packet.subarray(header));
}

function readIpv6(packet: Uint8Array): UdpPacket | undefined {
  if (packet.length < 40 || packet[6] !== udp) return undefined;
  return readUdp(packet.subarray(8, 24), packet.subarray(24, 40), packet.subarray(40));
}

function readUdp(from: Uint8Array, to: Uint8Array, datagram: Uint8Array): UdpPacket | undefined {
  const length = word(datagram, 4);
  if (length < 8 || datagram.length < length) return undefined;
  return {
    source: { address: addressFromBytes(from), port: word(datagram, 0) },
    destination: { address: addressFromBytes(to), port: word(datagram, 2) },
    data: datagram.subarray(8, length),
  };
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
