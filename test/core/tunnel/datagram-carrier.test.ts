import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PoolConnection, StartTlsRequest } from '../../../src/client/index.ts';
import {
  bindUdp,
  closeFd,
  connectUdp,
  send,
  socketAddresses,
} from '../../../src/core/engine/sockets.ts';
import { datagramCarrier } from '../../../src/core/tunnel/datagram-carrier.ts';

const asServer = {
  role: 'server',
  localIds: ['a.example'],
  remote: 'ignore',
  service: 'coap',
  alpn: [],
} as const;
const target = { kind: 'tcp', host: '127.0.0.1', port: 9 } as const;

/** Content type, version, epoch, sequence, length, and the type of the message. */
const hello = Buffer.from('16feff0000000000000000000101', 'hex');
const open: number[] = [];
after(() => open.forEach(closeFd));

function port(fd: number): number {
  return socketAddresses(fd).local?.port ?? 0;
}

/** A server's socket that is connected to a peer, whose first datagram waits in it. */
function heard(datagram: Buffer, address = '127.0.0.1'): number {
  const ours = bindUdp('127.0.0.1', 0);
  const theirs = bindUdp(address, 0);
  open.push(theirs);
  connectUdp(ours, address, port(theirs));
  connectUdp(theirs, '127.0.0.1', port(ours));
  send(theirs, datagram);
  return ours;
}

/** A pool whose handshakes last until they are let go, and that takes the sockets over. */
class UnhurriedPool {
  readonly #waiting: (() => void)[] = [];
  readonly connection = {
    startTls: async ({ fd }: StartTlsRequest) => {
      await new Promise<void>((done) => this.#waiting.push(done));
      closeFd(fd);
    },
  } as unknown as PoolConnection;

  get underway(): number {
    return this.#waiting.length;
  }

  end(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}

test('only what can begin a handshake comes to the pool', async () => {
  const carry = datagramCarrier(asServer, target);
  const pool = new UnhurriedPool();
  const others = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    hello.subarray(0, 13),
    Buffer.from('17fefd0001000000000000000101', 'hex'),
    Buffer.from('16feff0000000000000000000102', 'hex'),
    Buffer.alloc(0),
  ];
  for (const datagram of others) await carry(pool.connection, heard(datagram));
  assert.equal(pool.underway, 0);
  const carried = carry(pool.connection, heard(hello));
  assert.equal(pool.underway, 1);
  pool.end();
  await carried;
});

test('one address takes no more than its share of the handshakes at once', async () => {
  const carry = datagramCarrier(asServer, target);
  const pool = new UnhurriedPool();
  const carried = Array.from({ length: 300 }, () => carry(pool.connection, heard(hello)));
  assert.equal(pool.underway, 256);
  carried.push(carry(pool.connection, heard(hello, '127.0.0.2')));
  assert.equal(pool.underway, 257);
  pool.end();
  await Promise.all(carried);
  const again = carry(pool.connection, heard(hello));
  assert.equal(pool.underway, 1);
  pool.end();
  await again;
});
