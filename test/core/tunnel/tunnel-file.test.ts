import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConf } from '../../../src/core/config/conf-file.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import { readTunnelFile } from '../../../src/core/tunnel/tunnel-file.ts';

const parse = (text: string) => readTunnelFile(parseConf(text), 'tunnels.conf');

test('several tunnels, in both directions, are read from one file', () => {
  const [web, mail] = parse(`
# the public web server
tunnel web
  accept *:443
  connect 127.0.0.1:8080
  local_id www.example.com
  local_id .example.org
  alpn h2,http/1.1
  service https
  request_remote_id yes

tunnel mail
  accept 127.0.0.1:143
  connect imap.example.com:993
  client yes
`);
  assert.deepEqual(web, {
    name: 'web',
    accept: { host: '*', port: 443 },
    connect: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
    terms: {
      role: 'server',
      localIds: ['www.example.com', '.example.org'],
      remote: 'request',
      service: 'https',
      alpn: ['h2', 'http/1.1'],
    },
    udp: false,
  });
  assert.deepEqual(mail?.terms, {
    role: 'client',
    localId: undefined,
    remoteId: 'imap.example.com',
    service: undefined,
    alpn: [],
  });
});

const mistakes: readonly (readonly [text: string, message: string])[] = [
  ['', 'tunnels.conf describes no tunnel'],
  ['accept a:1', 'tunnels.conf, line 1: `accept` comes before any `tunnel NAME`'],
  ['tunnel', 'tunnels.conf, line 1: `tunnel` has no value'],
  ['tunnel a\nconnect b:1', 'tunnels.conf, line 1: tunnel a has no `accept`'],
  ['tunnel a\naccept b:1', 'tunnels.conf, line 1: tunnel a has no `connect`'],
  ['tunnel a\naccept b:1\nconect c:1', 'tunnels.conf, line 3: unknown word `conect`'],
  ['tunnel a\naccept b:1\nconnect c:1\nclint yes', 'tunnels.conf, line 4: unknown word `clint`'],
  [
    'tunnel a\naccept b:1\nconnect c:1\nclient maybe',
    'tunnels.conf, line 4: `client` must be yes or no',
  ],
  [
    'tunnel a\naccept b:1\naccept b:2\nconnect c:1',
    'tunnels.conf, line 2: `accept` is given more than once',
  ],
  [
    'tunnel a\naccept b\nconnect c:1',
    'tunnels.conf, line 1: tunnel a: expected ADDR:PORT, [IPV6]:PORT or *:PORT, got `b`',
  ],
  [
    'tunnel a\naccept b:1\nconnect /run/c\nudp yes',
    'tunnels.conf, line 1: tunnel a: datagrams go to an address and a port, not to a path',
  ],
  [
    'tunnel a\naccept b:1\nconnect c:1\nudp yes\nstarttls smtp',
    'tunnels.conf, line 1: tunnel a: STARTTLS is for streams: leave out one of it and UDP',
  ],
  [
    'tunnel a\naccept b:1\nconnect c:1\nudp yes\nproxy_header v2',
    'tunnels.conf, line 1: tunnel a: PROXY headers are for streams: leave out one of them and UDP',
  ],
  [
    'tunnel a\naccept b:1\nconnect c:1\ntunnel a',
    'tunnels.conf, line 4: tunnel a is described in line 1 already',
  ],
];

for (const [text, message] of mistakes) {
  test(`the mistake is named with its line: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parse(text), { message, exit: 2 });
  });
}

test('no text makes the reader fail otherwise than by naming a mistake', () => {
  const word = fc.constantFrom('tunnel', 'accept', 'connect', 'client', 'alpn', '__proto__', '#');
  const line = fc.tuple(word, fc.string({ maxLength: 12 })).map((parts) => parts.join(' '));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      try {
        parse(lines.join('\n'));
      } catch (error) {
        assert.ok(error instanceof TlspoolError, String(error));
        assert.equal(error.exit, 2);
      }
    }),
  );
});

test('the files that guides show are read as they stand', () => {
  const guide = (name: string) =>
    readFileSync(join(import.meta.dirname, '../../../docs', name), 'utf8');
  const ofTunnels = /```\n(tunnel web\n[\s\S]*?)```/.exec(guide('tunnel.md'))?.[1] ?? '';
  // Beside what stunnel has for the same.
  const beside = /```ini\n([\s\S]*?)```/.exec(guide('from-stunnel.md'))?.[1] ?? '';
  const column = beside.indexOf('# tunnels.conf');
  const fromStunnel = beside.replace(/^.*$/gm, (line) => line.slice(column));
  for (const text of [ofTunnels, fromStunnel]) {
    assert.deepEqual(
      parse(text).map(({ name }) => name),
      ['web', 'imap'],
    );
  }
});
