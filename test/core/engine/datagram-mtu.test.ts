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

interface Outcome {
  readonly done: boolean;
  readonly sizes: readonly number[];
  readonly lost: number;
}

/** Runs both sessions in a network of their own. @param before words of a shell command that runs what follows them */
async function inNetwork(mtu: number, before: readonly string[], ...args: string[]) {
  const script = `ip link set lo mtu ${mtu} up && exec "$@"`;
  const command = [...before, process.execPath, session, ...args];
  const { code, stdout, stderr } = await run('unshare', [
    ...['--net', 'sh', '-c', script, 'sh'],
    ...command,
  ]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Outcome;
}

test('the handshake fits into what the way takes, as the kernel knows it', { skip }, async () => {
  const mtu = 700;
  const { done, sizes } = await inNetwork(mtu, []);
  assert.ok(done);
  const largest = Math.max(...sizes);
  assert.ok(largest <= mtu - 28 && largest > mtu - 100, `datagrams of ${sizes.join(', ')} bytes`);
});

/** Gives a program a UDP socket, number 50, whose datagrams are never divided (IP_MTU_DISCOVER, IP_PMTUDISC_DO). */
const undivided = `
import os, socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, 10, 2)
udp.bind(('127.0.0.1', 0))
os.dup2(udp.fileno(), 50)
os.execv(sys.argv[1], sys.argv[1:])
`;

test('a handshake goes on in smaller pieces when the way has become smaller', {
  skip,
}, async () => {
  const { done, sizes, lost } = await inNetwork(1500, ['python3', '-c', undivided], '50');
  assert.ok(lost > 0, 'what was too large has not gone out');
  assert.ok(done);
  assert.ok(Math.max(...sizes) <= 700 - 28, `datagrams of ${sizes.join(', ')} bytes`);
});
