import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  accept,
  closeFd,
  connectTcp,
  listenTcp,
  listenUnix,
  receive,
  send,
  shutdownFd,
  socketAddresses,
  socketError,
  watch,
} from '../../../../src/core/engine/sockets.ts';
import {
  connectLike,
  Gate,
  localAddressBytes,
  prepareToWait,
  putBack,
} from '../../../../src/core/wrap/client/gate.ts';

const script = fileURLToPath(new URL('waiting.py', import.meta.url));
/** Linux's own numbers: asm-generic/socket.h, netinet/tcp.h. */
const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;
const [SO_KEEPALIVE, SO_BINDTODEVICE, SO_MARK] = [9, 25, 36];
const [TCP_SYNCNT, TCP_USER_TIMEOUT, TCP_FASTOPEN_CONNECT] = [7, 18, 30];
const EPOLLERR = 8;
const EPOLLOUT = 4;
const privileged = process.getuid?.() === 0;

interface Order {
  readonly ipv6?: boolean;
  /** undefined: of the socket's family. */
  readonly gate?: 'mapped';
  readonly nonblocking?: boolean;
  readonly options?: readonly (readonly [level: number, name: number, value: number | string])[];
  readonly bind?: string;
  readonly leave?: boolean;
}

interface Outcome {
  readonly early: readonly unknown[];
  readonly events: readonly number[];
  readonly error?: number;
  readonly blocking?: boolean;
  readonly read?: string;
}

/** Runs a program that has such a socket; `use` gets a duplicate of it, and ends the wait by `go`. */
async function program(
  order: Order,
  use: (fd: number, go: () => Promise<void>) => Promise<void>,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-gate-'));
  const listener = listenUnix(join(folder, 's'), 1);
  const child = spawn('python3', [script, JSON.stringify(order), join(folder, 's')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await readable(listener);
    const way = accept(listener) as number;
    const [fd] = (await message(way)).fds as [number];
    await use(fd, async () => {
      send(way, Buffer.from('x'));
      await message(way);
    });
    closeFd(way);
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    return JSON.parse(output) as Outcome;
  } finally {
    child.kill('SIGKILL');
    closeFd(listener);
    rmSync(folder, { recursive: true });
  }
}

async function readable(fd: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const watching = watch(fd, { readable: true }, () => {
      watching.close();
      resolve();
    });
  });
}

async function message(way: number) {
  await readable(way);
  const received = receive(way, Buffer.alloc(8), 0);
  assert.ok(received);
  return received;
}

const gates = { ipv4: new Gate('ipv4'), ipv6: new Gate('ipv6'), mapped: new Gate('mapped') };

/** Waits, is completed, and answers one message. */
async function completed(order: Order): Promise<Outcome> {
  const gate = gates[order.gate ?? (order.ipv6 ? 'ipv6' : 'ipv4')];
  return program(order, async (fd, go) => {
    const aside = prepareToWait(fd);
    assert.equal(gate.hold(fd), 0);
    assert.equal(gate.meets(fd), false);
    const waiting = localAddressBytes(fd);
    await go();
    const end = gate.complete(waiting);
    while (!gate.meets(fd)) await setTimeout(1);
    assert.equal(socketError(end), 0);
    putBack(fd, aside);
    closeFd(fd);
    await readable(end);
    assert.equal(receive(end, Buffer.alloc(8), 0)?.bytes, 4);
    send(end, Buffer.from('pong'));
    await readable(end);
    closeFd(end);
  });
}

for (const [what, order] of Object.entries<Order>({
  'over IPv4': {},
  'over IPv6': { ipv6: true },
  'of IPv6 that leads to IPv4': { ipv6: true, gate: 'mapped' },
  'of IPv6 that is bound to an address of IPv4': {
    ipv6: true,
    gate: 'mapped',
    bind: '::ffff:127.12.34.56',
  },
  'that is blocking': { nonblocking: false },
  'that is bound to an address': { bind: '127.12.34.56' },
  'that may try only once, for a moment': {
    options: [
      [IPPROTO_TCP, TCP_SYNCNT, 1],
      [IPPROTO_TCP, TCP_USER_TIMEOUT, 1],
    ],
  },
  'that would send data in its SYN': { options: [[IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1]] },
})) {
  test(`a socket ${what} waits without an event, then is connected as by the network`, async () => {
    const outcome = await completed(order);
    assert.deepEqual(outcome.early, []);
    assert.deepEqual(outcome.events, [EPOLLOUT]);
    assert.equal(outcome.read, 'pong');
    assert.equal(outcome.blocking, order.nonblocking === false);
  });
}

test('a socket bound to a device waits all the same', { skip: !privileged }, async () => {
  const outcome = await completed({ options: [[SOL_SOCKET, SO_BINDTODEVICE, 'lo']] });
  assert.equal(outcome.read, 'pong');
});

test('shutting the waiting socket down ends the wait with an error', async () => {
  const outcome = await program({}, async (fd, go) => {
    prepareToWait(fd);
    assert.equal(gates.ipv4.hold(fd), 0);
    await go();
    shutdownFd(fd, 'both');
    closeFd(fd);
  });
  assert.notEqual((outcome.events[0] ?? 0) & EPOLLERR, 0);
  assert.notEqual(outcome.error, 0);
});

test('nobody is met when the program has closed its socket', async () => {
  await program({ leave: true }, async (fd, go) => {
    prepareToWait(fd);
    assert.equal(gates.ipv4.hold(fd), 0);
    const waiting = localAddressBytes(fd);
    closeFd(fd);
    await go();
    assert.throws(
      () => {
        const end = gates.ipv4.complete(waiting);
        const error = socketError(end);
        closeFd(end);
        throw Object.assign(new Error('not met'), { wire: error });
      },
      { wire: constants.errno.ECONNREFUSED },
    );
  });
});

test('a stranger who connects to a gate gets nowhere', async () => {
  await program({}, async (fd, go) => {
    assert.equal(gates.ipv4.hold(fd), 0);
    await go();
    const end = gates.ipv4.complete(localAddressBytes(fd));
    const { local } = socketAddresses(end);
    assert.ok(local);
    const stranger = connectTcp(local.address, local.port);
    await readable(end);
    send(end, Buffer.from('pong'));
    assert.equal(gates.ipv4.meets(fd), true);
    assert.equal(gates.ipv4.meets(stranger), false);
    for (const each of [fd, stranger, end]) closeFd(each);
  });
});

test('where the kernel cannot be asked a socket is not taken for gone', async () => {
  const script = `
import resource, sys
pid, files = int(sys.argv[1]), resource.RLIMIT_NOFILE
soft, hard = resource.prlimit(pid, files)
for line in sys.stdin:
    resource.prlimit(pid, files, (int(line) or soft, hard))
    print(flush=True)
`;
  const limits = spawn('python3', ['-c', script, `${process.pid}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const limit = async (files: number) => {
    limits.stdin.write(`${files}\n`);
    await once(limits.stdout, 'data');
  };
  const nobody = listenTcp('127.0.0.1', 0);
  const holds = () => gates.ipv4.holds(1n, localAddressBytes(nobody));
  await limit(3);
  try {
    assert.throws(holds, { code: 'EMFILE' });
  } finally {
    await limit(0);
    limits.stdin.end();
    closeFd(nobody);
  }
  assert.equal(gates.ipv4.holds(1n, addressBytes('127.0.0.1', 9)), false);
});

test('the socket towards the server has what the program set on its own', {
  skip: !privileged,
}, async () => {
  const listener = listenTcp('127.0.0.1', 0);
  const port = socketAddresses(listener).local?.port ?? 0;
  const order: Order = {
    bind: '127.0.0.9',
    options: [
      [SOL_SOCKET, SO_KEEPALIVE, 1],
      [SOL_SOCKET, SO_MARK, 77],
      [SOL_SOCKET, SO_BINDTODEVICE, 'lo'],
      [IPPROTO_TCP, TCP_USER_TIMEOUT, 4321],
    ],
  };
  await program(order, async (fd, go) => {
    const upstream = connectLike(fd, addressBytes('127.0.0.1', port));
    assert.ok(upstream.fd !== undefined);
    assert.equal(socketAddresses(upstream.fd).local?.address, '127.0.0.9');
    assert.equal(prepareToWait(upstream.fd).userTimeout, 4321);
    closeFd(upstream.fd);
    gates.ipv4.hold(fd);
    await go();
    shutdownFd(fd, 'both');
    closeFd(fd);
  });
  closeFd(listener);
});

/** sockaddr_in: ip(7). */
function addressBytes(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(2, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split('.').map(Number), 4);
  return bytes;
}
