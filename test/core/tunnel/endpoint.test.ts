import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatEndpoint,
  formatHostAndPort,
  parseEndpoint,
  parseListenAddress,
  parseServer,
} from '../../../src/core/tunnel/endpoint.ts';

test('addresses, names and paths are told apart', () => {
  assert.deepEqual(parseEndpoint('127.0.0.1:80'), { kind: 'tcp', host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseEndpoint('[::1]:80'), { kind: 'tcp', host: '::1', port: 80 });
  assert.deepEqual(parseEndpoint('a.example:80'), { kind: 'tcp', host: 'a.example', port: 80 });
  assert.deepEqual(parseEndpoint('./app.sock'), { kind: 'unix', path: './app.sock' });
  assert.deepEqual(parseEndpoint('/run/a:80'), { kind: 'unix', path: '/run/a:80' });
});

test('a server to be looked at is a host and a port, and neither a path nor a URL', () => {
  assert.deepEqual(parseServer('a.example:443'), { kind: 'tcp', host: 'a.example', port: 443 });
  for (const text of ['a.example', 'https://a.example/', 'https://a.example:443', './a:443'])
    assert.throws(() => parseServer(text), {
      exit: 2,
      message: `expected HOST:PORT, such as \`www.example.com:443\`, got \`${text}\``,
    });
});

test('every address of the machine can be listened on, but not connected to', () => {
  assert.deepEqual(parseListenAddress('*:443'), { host: '*', port: 443 });
  assert.throws(() => parseEndpoint('*:443'), /cannot connect to `\*:443`/);
});

test('the kernel may choose the port to listen on, but not the one to connect to', () => {
  assert.equal(parseListenAddress('127.0.0.1:0').port, 0);
  assert.throws(() => parseEndpoint('127.0.0.1:0'), /1 to 65535/);
});

for (const text of [
  '',
  '443',
  ':443',
  'localhost',
  'localhost:',
  'localhost:http',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0:80',
  '1.2.3.4.5:80',
  '256.1.1.1:80',
  '::1:80',
  '[127.0.0.1]:80',
  '[::1]',
  '[::1:80',
  'a b:80',
  '-a:80',
  'a..b:80',
  'a\n:80',
]) {
  test(`${JSON.stringify(text)} is no address`, () => {
    assert.throws(() => parseListenAddress(text), { code: 'usage', exit: 2 });
  });
}

test('a path longer than the kernel takes is refused', () => {
  assert.throws(() => parseEndpoint(`/${'x'.repeat(107)}`), /107 bytes/);
  assert.equal(parseEndpoint(`/${'x'.repeat(106)}`).kind, 'unix');
});

test('what is formatted is parsed back', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
      assert.deepEqual(parseListenAddress(formatHostAndPort({ host: name, port })), {
        host: name,
        port,
      });
      const endpoint = { kind: 'tcp', host: name, port } as const;
      assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
    }),
  );
});

test('whatever is given is parsed or refused as a usage error', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      try {
        parseEndpoint(text);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'usage');
      }
    }),
  );
});
