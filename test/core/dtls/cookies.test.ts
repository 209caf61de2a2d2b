import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DatagramHello, readDatagramHello } from '../../../src/core/dtls/client-hello.ts';
import { COOKIE_LENGTH, Cookies, keyLifetime } from '../../../src/core/dtls/cookies.ts';
import { firstHello, type HelloParts, madeHello, secondHello } from './made-hello.ts';

const way = { remote: Buffer.from('their address'), local: Buffer.from('our address') };

function read(parts: HelloParts): DatagramHello {
  return readDatagramHello(madeHello(parts)) ?? assert.fail('it is no hello');
}

test('a cookie is good for the hello that it was made for', () => {
  const cookies = new Cookies();
  const first = firstHello();
  const cookie = cookies.make(way, read(first));
  assert.equal(cookie.length, COOKIE_LENGTH);
  assert.deepEqual(
    cookies.make(way, read(first)),
    cookie,
    'a hello that comes again gets the same',
  );
  assert.ok(cookies.areShown(way, read(secondHello(first, cookie))));
});

test('a cookie is good for nothing else', () => {
  const cookies = new Cookies();
  const first = firstHello();
  const cookie = cookies.make(way, read(first));
  const second = secondHello(first, cookie);
  const others: Record<string, HelloParts> = {
    version: { ...second, version: 0xfeff },
    random: { ...second, random: Buffer.alloc(32) },
    'session id': { ...second, sessionId: Buffer.of(1) },
    'cipher suites': { ...second, suites: Buffer.from('c02b', 'hex') },
    'compression methods': { ...second, compression: Buffer.of(0, 1) },
    'no cookie': { ...second, cookie: Buffer.alloc(0) },
    'a shorter one': { ...second, cookie: cookie.subarray(1) },
    'a longer one': { ...second, cookie: Buffer.concat([cookie, cookie]) },
  };
  for (const [name, parts] of Object.entries(others)) {
    assert.equal(cookies.areShown(way, read(parts)), false, name);
  }
  for (let at = 0; at < cookie.length; at++) {
    const wrong = Buffer.from(cookie);
    wrong[at] = (wrong[at] ?? 0) ^ 1;
    assert.equal(cookies.areShown(way, read(secondHello(first, wrong))), false);
  }
  for (const elsewhere of [
    { ...way, remote: Buffer.from('another address') },
    { ...way, local: Buffer.from('another address') },
    { remote: way.local, local: way.remote },
    { remote: Buffer.from('their addresso'), local: Buffer.from('ur address') },
  ]) {
    assert.equal(cookies.areShown(elsewhere, read(second)), false);
  }
  assert.equal(new Cookies().areShown(way, read(second)), false, 'keys are nobody else’s');
});

test('keys change, and a cookie is good for one lifetime of them at least and two at most', () => {
  for (const made of [0, 1, keyLifetime / 2, keyLifetime - 1, keyLifetime, 10.5 * keyLifetime]) {
    for (const others of [[], [keyLifetime - 1], [keyLifetime]]) {
      let now = 0;
      const cookies = new Cookies(() => now);
      now = made;
      const first = firstHello();
      const shown = read(secondHello(first, cookies.make(way, read(first))));
      for (const later of [...others, keyLifetime]) {
        now = made + later;
        assert.ok(cookies.areShown(way, shown), `made at ${made}, shown ${later} later`);
      }
      now = made + 2 * keyLifetime;
      assert.ok(!cookies.areShown(way, shown), `made at ${made}, shown too late`);
    }
  }
});
