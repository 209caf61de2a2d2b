import { isIPv4, isIPv6 } from 'node:net';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import type { Talking } from './step.ts';

/*
 * The PROXY protocol of HAProxy, versions 1 and 2 (doc/proxy-protocol.txt).
 *
 * | rule | how it is kept |
 * |---|---|
 * | §2: the header comes first, and whoever expects one does not guess | read from configured addresses, always; from others, never |
 * | §2.1: v1 is a line of at most 107 bytes, ended by CRLF; UNKNOWN tells nothing | so |
 * | §2.2: v2 begins with 12 bytes that no v1 line has; versions other than 2 are refused | so |
 * | §2.2: LOCAL and unknown families leave the real addresses | so |
 * | §2.2: unknown TLVs are passed over | so; none is believed |
 * | §2: what follows the header is the connection | exactly the header is consumed |
 */

/** Both ends of a connection. */
export interface ConnectionEnds {
  readonly source: EndAddress;
  readonly destination: EndAddress;
}

export interface EndAddress {
  /** Numeric; '' if unknown. */
  readonly address: string;
  readonly port: number;
}

/** What TLS came to, for version 2. */
export interface ProxiedTls {
  readonly version: string;
  readonly cipher: string;
  /** '' if none was agreed on. */
  readonly alpn: string;
  /** The name that was asked for (SNI); ''. */
  readonly serverName: string;
  /** Common name of the client's certificate; ''. */
  readonly commonName: string;
  /** Who the client proved to be; ''. */
  readonly remoteId: string;
  readonly resumed: boolean;
}

export type ProxyVersion = 'v1' | 'v2';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const longestLine = 107;
const longestData = 4096;
const command = { local: 0x20, proxy: 0x21 } as const;
const family = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21 } as const;

/** Type of the TLV with our remote id, in the range for own use. */
const remoteIdType = 0xe0;
const tlv = {
  alpn: 0x01,
  authority: 0x02,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
} as const;
/** PP2_CLIENT_SSL, PP2_CLIENT_CERT_CONN, PP2_CLIENT_CERT_SESS. */
const clientBits = { ssl: 0x01, certificateNow: 0x02, certificate: 0x04 } as const;

/** Reads the header that has to come first; undefined: it tells no addresses. */
export function* readProxyHeader(party: Party): Talking<ConnectionEnds | undefined> {
  const start = yield* party.look(signature.length);
  if (start.equals(signature)) return yield* version2(party);
  if (!start.toString('latin1').startsWith('PROXY ')) throw noHeader();
  return yield* version1(party);
}

/** Version 1 has no place for what TLS came to. */
export function writeProxyHeader(
  version: ProxyVersion,
  ends: ConnectionEnds,
  tls: ProxiedTls | undefined,
): Buffer {
  return version === 'v1' ? writeVersion1(ends) : writeVersion2(ends, tls);
}

function* version1(party: Party): Talking<ConnectionEnds | undefined> {
  const line = yield* party.through('\n', longestLine);
  const words =
    /^PROXY (?<family>TCP4|TCP6) (?<from>\S+) (?<to>\S+) (?<fromPort>\d{1,5}) (?<toPort>\d{1,5})\r\n$/.exec(
      line,
    )?.groups;
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) return undefined;
  const { from = '', to = '', fromPort, toPort } = words ?? {};
  const is = words?.family === 'TCP4' ? isIPv4 : isIPv6;
  const ports = [Number(fromPort), Number(toPort)];
  if (!words || !is(from) || !is(to) || ports.some((port) => port > 65_535)) throw noHeader();
  return {
    source: { address: from, port: ports[0] ?? 0 },
    destination: { address: to, port: ports[1] ?? 0 },
  };
}

function* version2(party: Party): Talking<ConnectionEnds | undefined> {
  const head = yield* party.exactly(signature.length + 4);
  const kind = head[12];
  const length = head.readUInt16BE(14);
  if ((kind !== command.local && kind !== command.proxy) || length > longestData) throw noHeader();
  const data = yield* party.exactly(length);
  if (kind === command.local) return undefined;
  if (head[13] === family.tcp4) return ends(data, 4);
  return head[13] === family.tcp6 ? ends(data, 16) : undefined;
}

function ends(data: Buffer, size: 4 | 16): ConnectionEnds {
  if (data.length < 2 * size + 4) throw noHeader();
  const spell = size === 4 ? spellIPv4 : spellIPv6;
  return {
    source: { address: spell(data.subarray(0, size)), port: data.readUInt16BE(2 * size) },
    destination: {
      address: spell(data.subarray(size, 2 * size)),
      port: data.readUInt16BE(2 * size + 2),
    },
  };
}

function spellIPv4(bytes: Buffer): string {
  return bytes.join('.');
}

/** As RFC 5952 has it. */
function spellIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(2 * index).toString(16),
  ).join(':');
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}

function writeVersion1({ source, destination }: ConnectionEnds): Buffer {
  const [from, to] = [unmapped(source.address), unmapped(destination.address)];
  const name =
    isIPv4(from) && isIPv4(to) ? 'TCP4' : isIPv6(from) && isIPv6(to) ? 'TCP6' : undefined;
  return Buffer.from(
    name === undefined
      ? 'PROXY UNKNOWN\r\n'
      : `PROXY ${name} ${from} ${to} ${source.port} ${destination.port}\r\n`,
    'latin1',
  );
}

function writeVersion2(ends: ConnectionEnds, tls: ProxiedTls | undefined): Buffer {
  const addresses = writeAddresses(ends);
  const data = Buffer.concat([addresses.bytes, ...(tls === undefined ? [] : writeTls(tls))]);
  const head = Buffer.from([command.proxy, addresses.family, data.length >> 8, data.length & 0xff]);
  return Buffer.concat([signature, head, data]);
}

function writeAddresses({ source, destination }: ConnectionEnds) {
  const [from, to] = [unmapped(source.address), unmapped(destination.address)];
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  if (isIPv4(from) && isIPv4(to)) {
    return { family: family.tcp4, bytes: Buffer.concat([ipv4(from), ipv4(to), ports]) };
  }
  if (isIPv6(from) && isIPv6(to)) {
    return { family: family.tcp6, bytes: Buffer.concat([ipv6(from), ipv6(to), ports]) };
  }
  return { family: family.unspecified, bytes: Buffer.alloc(0) };
}

function writeTls(tls: ProxiedTls): Buffer[] {
  const parts = [
    text(tlv.alpn, tls.alpn),
    text(tlv.authority, tls.serverName),
    text(remoteIdType, tls.remoteId),
  ];
  const known = tls.remoteId !== '';
  const certificate = clientBits.certificate | (tls.resumed ? 0 : clientBits.certificateNow);
  // `verify` is 0 for a certificate that was verified.
  const head = Buffer.from([clientBits.ssl | (known ? certificate : 0), 0, 0, 0, known ? 0 : 1]);
  const ssl = [
    text(tlv.sslVersion, tls.version),
    text(tlv.sslCipher, tls.cipher),
    text(tlv.sslCommonName, tls.commonName),
  ];
  return [...parts, value(tlv.ssl, Buffer.concat([head, ...ssl]))];
}

function text(type: number, words: string): Buffer {
  return words === '' ? Buffer.alloc(0) : value(type, Buffer.from(words));
}

function value(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const first = groups(head);
  const last = groups(tail ?? '');
  const zeros = Array<number>(tail === undefined ? 0 : 8 - first.length - last.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...first, ...zeros, ...last].forEach((group, index) => {
    bytes.writeUInt16BE(group, 2 * index);
  });
  return bytes;
}

/** Of a part of an IPv6 address, whose last four bytes may be spelt as IPv4. */
function groups(part: string): number[] {
  return part
    .split(':')
    .filter((group) => group !== '')
    .flatMap((group) => {
      if (!group.includes('.')) return [Number.parseInt(group, 16)];
      const bytes = ipv4(group);
      return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
    });
}

/** A dual-stack socket shows IPv4 as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2). */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function noHeader(): DialogEnd {
  return new DialogEnd(
    'starttls-no-proxy-header',
    'a peer that is to say by the PROXY protocol whom it speaks for did not',
    'Does it send the header? If not, leave its address out of --proxy-from.',
  );
}
