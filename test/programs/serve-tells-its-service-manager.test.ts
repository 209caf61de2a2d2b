import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool } from './stage/pool.ts';
import { Running, tlspool } from './stage/running.ts';

/** Node has no UNIX datagram sockets. */
const manager = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", file=sys.stderr, flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), file=sys.stderr, flush=True)
`;

test('ready, reloading and stopping are told as sd_notify(3) has it', async () => {
  await using pool = await Pool.create([]);
  const socket = `${pool.folder}/notify`;
  await using heard = new Running('python3', ['-c', manager, socket]);
  await heard.saying(/bound/);
  await using daemon = tlspool(['serve'], { env: { ...pool.environment, NOTIFY_SOCKET: socket } });
  await heard.saying(new RegExp(`READY=1 MAINPID=${daemon.pid} STATUS=Serving at`));
  daemon.child.kill('SIGHUP');
  await heard.saying(/RELOADING=1 MONOTONIC_USEC=\d+[\s\S]*READY=1/);
  daemon.child.kill('SIGTERM');
  await heard.saying(/STOPPING=1/);
  assert.equal(await daemon.ended, 0);
});
