import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../src/core/store/store.ts';
import { dns, make } from '../core/trust/made-certificates.ts';
import { event } from '../patience.ts';
import { freePort } from '../programs/stage/ports.ts';
import { stage } from './state-stage.ts';

test('what cannot be found out is said, in the end, and is no verdict', async () => {
  using made = stage();
  {
    await using _store = await openStore(made.stateDir, 'create');
  }
  const file = (name: string, content: string | Buffer) => {
    const path = join(made.folder, name);
    writeFileSync(path, content);
    return path;
  };
  const silent = createServer((socket) => socket.on('error', () => undefined).resume());
  const rude = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('220 ready\r\n'),
  );
  for (const server of [silent, rude]) await event(server.listen(0, '127.0.0.1'), 'listening');
  const at = (server: typeof silent) => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const as = ['--as', 'www.example.com'];
  const failed = async (code: string, ...args: string[]) => {
    const outcome = await made.tlspool('trust', 'check', ...args, '--json');
    assert.equal(outcome.code, 2, outcome.stdout);
    assert.equal(JSON.parse(outcome.stdout).error.code, code, outcome.stdout);
    assert.equal(outcome.stderr, '');
  };
  try {
    await Promise.all([
      failed('usage'),
      failed('usage', '127.0.0.1:443'),
      failed('usage', 'www.example.com:443', '--role', 'client'),
      failed('unreadable-file', '--chain', '/nonexistent'),
      failed('no-certificate', '--chain', file('garbage', 'garbage')),
      failed('target-unreachable', `127.0.0.1:${await freePort()}`, ...as),
      failed('no-certificate-shown', at(rude), ...as),
      failed('no-certificate-shown', at(silent), ...as),
      failed('no-state', at(rude), ...as, '--state-dir', '/nonexistent'),
    ]);
  } finally {
    for (const server of [silent, rude]) {
      server.close();
      await once(server, 'close');
    }
  }
});

test('a verdict against somebody is an answer, and names nobody else', async () => {
  using made = stage();
  {
    await using _store = await openStore(made.stateDir, 'create');
  }
  const path = join(made.folder, 'leaf.der');
  writeFileSync(path, make({ names: [dns('www.example.com')] }).certificate);
  const { code, stdout } = await made.tlspool('trust', 'check', '--chain', path);
  assert.equal(code, 1);
  const [verdict, , expression, ...rest] = stdout.trimEnd().split('\n');
  assert.match(verdict ?? '', /^www\.example\.com is not believed as a server: no anchor vouches/);
  assert.equal(expression, 'Expression: TI&r&');
  assert.match(rest[0] ?? '', /^ {2}T {2}false {4}no anchor vouches .* \(\d+ ms\)$/);
  assert.match(
    rest[1] ?? '',
    /^ {2}I {2}true {5}the certificate names www\.example\.com \(\d+ ms\)$/,
  );
  assert.equal(rest.at(-1), 'To make it pass: Add the CA that does: tlspool trust add CA.pem');
});

test('whoever follows the advice about a self-signed certificate makes it pass', async () => {
  using made = stage();
  await made.tlspool('init');
  const path = join(made.folder, 'self.der');
  writeFileSync(path, make({ names: [dns('www.example.com')] }).certificate);
  const check = () => made.tlspool('trust', 'check', '--chain', path);
  const { stdout } = await check();
  const [, advice = ''] = /^To make it pass: (.*)$/m.exec(stdout) ?? [];
  const commands = [...advice.matchAll(/tlspool (trust .*?)(?:[;.] |$)/g)].map(([, words = '']) =>
    words.split(' ').map((word) => word.replace('CERT.pem', path).replaceAll("'", '')),
  );
  assert.equal(commands.length, 2, stdout);
  for (const words of commands) assert.equal((await made.tlspool(...words)).code, 0);
  const after = await check();
  assert.equal(after.code, 0, after.stdout);
  assert.match(after.stdout, /^www\.example\.com is believed as a server\./);
});
