import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run, tlspoolCommand } from './stage/running.ts';

const forbidding = fileURLToPath(new URL('stage/forbidding.py', import.meta.url));

let pool: Pool;
before(async () => {
  pool = await Pool.serving([[name]]);
});
after(() => pool[Symbol.asyncDispose]());

/** As in a container whose profile withholds the call. */
function withoutCall(call: string, ...args: readonly string[]) {
  const command = [forbidding, call, ...tlspoolCommand('wrap', ...args)];
  return run('/usr/bin/python3', command, { env: pool.environment });
}

for (const [call, missing] of [
  ['pidfd_getfd', 'supervision of system calls: .*pidfd_getfd: EPERM'],
  ['process_vm_readv', 'supervision of system calls: .*process_vm_readv: EPERM'],
  ['process_vm_writev', 'supervision of system calls: .*process_vm_writev: EPERM'],
  ['seccomp', 'supervision of system calls: .*seccomp user notification: EPERM'],
  ['unshare', 'a private network: .*a network namespace: operation not permitted'],
] as const) {
  test(`where ${call} is forbidden the dry run says so, and which modes remain`, async () => {
    const { code, stdout } = await withoutCall(call, '--dry-run', '--', 'true');
    assert.equal(code, 125);
    assert.match(stdout, new RegExp(`^no   ${missing}.*--listen, --inetd`, 'm'));
    assert.match(stdout, /^ok {3}the pool$/m);
  });
}

test('and no program is started', async () => {
  const mark = `${pool.folder}/it-ran`;
  const { code, stderr } = await withoutCall('pidfd_getfd', '--', 'touch', mark);
  assert.equal(code, 125);
  assert.match(stderr, /cannot be supervised: pidfd_getfd: EPERM.*\n.*--listen, --inetd/);
  assert.equal(existsSync(mark), false);
});

test('without CAP_NET_RAW the dry run says how names are learned', {
  skip: process.getuid?.() === 0 ? false : 'nobody else has it',
}, async () => {
  const without = ['--bounding-set=-net_raw', '--inh-caps=-net_raw'];
  const command = [...without, ...tlspoolCommand('wrap', '--dry-run', '--', 'true')];
  const { code, stdout } = await run('setpriv', command, { env: pool.environment });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ {5}names of servers: by asking DNS in the place of programs/m);
});
