import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import {
  canonicalAddress,
  hostsNamesOf,
  parseHosts,
} from '../../../../src/core/wrap/names/hosts-file.ts';

test('a hosts file gives the names of an address, the canonical one first', () => {
  const hosts = parseHosts(`
# comment
127.0.0.1\tlocalhost
192.0.2.1   Www.Example.com www  # the web
2001:DB8:0::1 six.example
192.0.2.1 second.example.
nonsense here
192.0.2.7
`);
  assert.deepEqual(
    [...hosts],
    [
      ['127.0.0.1', ['localhost']],
      ['192.0.2.1', ['www.example.com', 'www', 'second.example']],
      ['2001:db8::1', ['six.example']],
      ['192.0.2.7', []],
    ],
  );
});

test('addresses are compared in one form', () => {
  assert.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(canonicalAddress('FE80::1%eth0'), 'fe80::1');
  assert.equal(canonicalAddress('www.example.com'), undefined);
});

test('any text is read', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseHosts(text)));
});

test('the file is the one that the process sees', () => {
  assert.ok(hostsNamesOf(process.pid, '127.0.0.1').includes('localhost'));
  assert.deepEqual(hostsNamesOf(2 ** 22 + 1, '127.0.0.1'), []);
});

test('a file that changes is read anew, and so is that of another process', {
  skip: process.getuid?.() !== 0,
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'tlspool-hosts-'));
  mkdirSync(join(root, 'etc'));
  const say = (name: string) => writeFileSync(join(root, 'etc/hosts'), `192.0.2.1 ${name}\n`);
  say('one.example');
  const script = 'import os, sys; os.chroot(sys.argv[1]); print(flush=True); sys.stdin.read()';
  const child = spawn('python3', ['-c', script, root], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const names = () => hostsNamesOf(child.pid ?? 0, '192.0.2.1');
    assert.deepEqual(names(), ['one.example']);
    say('two.example');
    assert.deepEqual(names(), ['two.example']);
    // From now on it is old enough to be remembered.
    await pause(2_100);
    assert.deepEqual(names(), ['two.example']);
    assert.deepEqual(hostsNamesOf(process.pid, '192.0.2.1'), []);
    assert.deepEqual(names(), ['two.example']);
    assert.deepEqual(names(), ['two.example']);
    say('six.example');
    assert.deepEqual(names(), ['six.example']);
  } finally {
    child.kill('SIGKILL');
    rmSync(root, { recursive: true });
  }
});
