import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { patience } from '../../patience.ts';
import { run } from '../../programs/stage/running.ts';

const session = fileURLToPath(new URL('datagram-mtu-session.ts', import.meta.url));
const { status } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], {
  timeout: patience,
  stdio: 'ignore',
});
const skip = status !== 0 && 'takes the right to make a network (root)';

test('the handshake fits into what the way takes, as the kernel knows it', { skip }, async () => {
  const mtu = 700;
  const script = `ip link set lo mtu ${mtu} up && exec "$@"`;
  const command = ['--net', 'sh', '-c', script, 'sh', process.execPath, session];
  const { code, stdout, stderr } = await run('unshare', command);
  assert.equal(code, 0, stderr);
  const sizes = JSON.parse(stdout) as number[];
  const largest = Math.max(...sizes);
  assert.ok(largest <= mtu - 28 && largest > mtu - 100, `datagrams of ${sizes.join(', ')} bytes`);
});
