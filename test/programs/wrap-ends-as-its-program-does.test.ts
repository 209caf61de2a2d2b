import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

let pool: Pool;
before(async () => {
  pool = await Pool.serving([[name]]);
});
after(() => pool[Symbol.asyncDispose]());

function wrap(...args: readonly string[]) {
  return runTlspool(['wrap', ...args], { env: pool.environment });
}

const listen = ['--listen', '127.0.0.1:0'];

test('the exit code is the program’s', async () => {
  assert.equal((await wrap(...listen, '--', 'true')).code, 0);
  assert.equal((await wrap(...listen, '--', 'sh', '-c', 'exit 42')).code, 42);
});

test('128 + n stands for signal n', async () => {
  assert.equal((await wrap(...listen, '--', 'sh', '-c', 'kill -TERM $$')).code, 143);
});

test('126 stands for a program that cannot be executed', async () => {
  const file = join(pool.folder, 'file');
  writeFileSync(file, 'no program');
  const { code, stderr } = await wrap(...listen, '--', file);
  assert.equal(code, 126);
  assert.match(stderr, /program cannot be executed: \/.*\/file/);
});

test('127 stands for a program that is not found', async () => {
  const { code, stderr } = await wrap(...listen, '--', 'no-such-program');
  assert.equal(code, 127);
  assert.match(stderr, /program not found: no-such-program/);
});

for (const [what, args, said] of [
  ['no program', listen, /no program was given/],
  ['nothing after the dashes', [...listen, '--'], /no program was given/],
  ['--inetd without --listen', ['--inetd', '--', 'true'], /--listen/],
  ['a port of no number', ['--tls', 'https', '--', 'true'], /expected PORT/],
  ['an unknown flag', [...listen, '--lokal-id', 'x', '--', 'true'], /--local-id/],
  ['a bad address', ['--listen', '127.0.0.1', '--', 'true'], /expected ADDR:PORT/],
  ['an unusable address', ['--listen', '192.0.2.1:0', '--', 'true'], /cannot listen on 192\.0\.2/],
  [
    'both demands',
    [...listen, '--request-remote-id', '--require-remote-id', '--', 'true'],
    /both|also|exclu/i,
  ],
] as const) {
  test(`125 stands for a failure of wrap's own: ${what}`, async () => {
    const { code, stderr, stdout } = await wrap(...args);
    assert.equal(code, 125, stderr);
    assert.match(stderr, said);
    assert.equal(stdout, '');
  });
}

test('without a daemon 125, and --standalone is named', async () => {
  const socket = join(pool.folder, 'nobody.sock');
  const { code, stderr } = await wrap('--socket', socket, ...listen, '--', 'true');
  assert.equal(code, 125);
  assert.match(stderr, /--standalone/);
});
