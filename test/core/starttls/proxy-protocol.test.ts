import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { behindProxies, noDialog, parseProxies } from '../../../src/core/starttls/prelude.ts';
import {
  type ConnectionEnds,
  type ProxyVersion,
  readProxyHeader,
  writeProxyHeader,
} from '../../../src/core/starttls/proxy-protocol.ts';
import { simulate } from './simulation.ts';

const port = fc.integer({ min: 0, max: 65_535 });
const ipv4 = fc.ipV4();
/** Spelt as Node spells addresses. */
const ipv6 = fc
  .ipV6()
  .map((address) => new URL(`http://[${address}]/`).hostname.slice(1, -1))
  .filter((address) => !address.startsWith('::ffff:'));
const plain = { noNullPrototype: true };
const end = (address: fc.Arbitrary<string>) => fc.record({ address, port }, plain);
const ends = fc.oneof(
  fc.record({ source: end(ipv4), destination: end(ipv4) }, plain),
  fc.record({ source: end(ipv6), destination: end(ipv6) }, plain),
);
const tls = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  alpn: 'h2',
  serverName: 'www.example.com',
  commonName: 'John',
  remoteId: 'john@example.com',
  resumed: false,
};

/** What is read from a header with something behind it, byte after byte or at once. */
function read(bytes: Buffer, chunks?: readonly number[]) {
  let found: ConnectionEnds | undefined;
  const result = simulate(
    function* (talk) {
      found = yield* readProxyHeader(talk.peer);
      return 'leave';
    },
    { peer: { greeting: bytes }, program: {} },
    chunks === undefined ? {} : { chunks },
  );
  return { found, outcome: result.outcome, left: result.left.peer };
}

for (const version of ['v1', 'v2'] satisfies ProxyVersion[]) {
  test(`${version}: what is written is read, and not a byte more`, () => {
    fc.assert(
      fc.property(ends, fc.array(fc.integer({ min: 1, max: 30 })), (given, chunks) => {
        const bytes = Buffer.concat([writeProxyHeader(version, given, tls), Buffer.from('TLS')]);
        const { found, outcome, left } = read(bytes, chunks);
        assert.deepEqual([found, outcome, left], [given, 'leave', 'TLS']);
      }),
    );
  });
}

test('version 2 tells ALPN, authority, version, cipher, common name and remote id in TLVs', () => {
  const given = {
    source: { address: '192.0.2.1', port: 4711 },
    destination: { address: '192.0.2.2', port: 443 },
  };
  const bytes = writeProxyHeader('v2', given, tls).subarray(16 + 12);
  assert.deepEqual(tlvs(bytes), [
    [0x01, 'h2'],
    [0x02, 'www.example.com'],
    [0xe0, 'john@example.com'],
    [0x20, bytes.subarray(-(5 + 3 + 7 + 3 + 22 + 3 + 4)).toString('latin1')],
  ]);
  const ssl = Buffer.from(tlvs(bytes).at(-1)?.[1] ?? '', 'latin1');
  assert.deepEqual([...ssl.subarray(0, 5)], [7, 0, 0, 0, 0]);
  assert.deepEqual(tlvs(ssl.subarray(5)), [
    [0x21, 'TLSv1.3'],
    [0x23, 'TLS_AES_256_GCM_SHA384'],
    [0x22, 'John'],
  ]);
});

test('a client that proved nothing is told of as one', () => {
  const given = {
    source: { address: '2001:db8::1', port: 4711 },
    destination: { address: '2001:db8::2', port: 443 },
  };
  const nobody = { ...tls, commonName: '', remoteId: '' };
  const bytes = writeProxyHeader('v2', given, nobody).subarray(16 + 36);
  const ssl = Buffer.from(tlvs(bytes).at(-1)?.[1] ?? '', 'latin1');
  assert.deepEqual([...ssl.subarray(0, 5)], [1, 0, 0, 0, 1]);
});

test('what is no header is refused, and nothing of it is taken for one', () => {
  const wrong = [
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n',
    'PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 70000\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`,
    '\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c'.padEnd(28, 'x'),
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04xxxx',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0',
  ];
  for (const text of wrong) {
    const { outcome } = read(Buffer.from(text, 'latin1'));
    assert.match(outcome, /^starttls-(?:no-proxy-header|too-long)$/, JSON.stringify(text));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.notEqual(read(Buffer.from(bytes)).outcome, 'leave');
    }),
  );
});

test('LOCAL and UNKNOWN leave the real addresses', () => {
  for (const text of ['\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'PROXY UNKNOWN\r\n']) {
    const { found, outcome, left } = read(Buffer.from(`${text}TLS`, 'latin1'));
    assert.deepEqual([found, outcome, left], [undefined, 'leave', 'TLS']);
  }
});

test('headers are believed from configured addresses only', () => {
  const header = 'PROXY TCP4 198.51.100.7 198.51.100.8 1 2\r\n';
  const cases = [
    ['192.0.2.0/24', '', '198.51.100.7'],
    ['192.0.2.1', '', '198.51.100.7'],
    ['192.0.2.2', header, '192.0.2.1'],
    ['2001:db8::/32', header, '192.0.2.1'],
  ] as const;
  for (const [from, left, source] of cases) {
    let told = '';
    const dialog = behindProxies(parseProxies([from]), function* (talk) {
      told = talk.ends.source.address;
      return yield* noDialog(talk);
    });
    const result = simulate(dialog, { peer: { greeting: header }, program: {} });
    assert.deepEqual([result.left.peer, told], [left, source]);
  }
  for (const text of ['192.0.2.1/33', '192.0.2.1/', 'example.com', '192.0.2.1/8/8', '']) {
    assert.throws(() => parseProxies([text]), { code: 'usage' });
  }
});

function tlvs(bytes: Buffer): [type: number, value: string][] {
  const found: [number, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at + 1);
    found.push([bytes[at] ?? 0, bytes.toString('latin1', at + 3, at + 3 + length)]);
    at += 3 + length;
  }
  return found;
}
