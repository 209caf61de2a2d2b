import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PoolConnection, StartTlsRequest } from '../../../src/client/index.ts';
import { bindUdp, closeFd, connectUdp, socketAddresses } from '../../../src/core/engine/sockets.ts';
import { datagramCarrier } from '../../../src/core/tunnel/datagram-carrier.ts';

const asServer = {
  role: 'server',
  localIds: ['a.example'],
  remote: 'ignore',
  service: 'coap',
  alpn: [],
} as const;
const target = { kind: 'tcp', host: '127.0.0.1', port: 9 } as const;

const hello = Buffer.from('what it has said');
const open: number[] = [];
after(() => open.forEach(closeFd));

/** A server's socket that is connected to a client. */
function met(address = '127.0.0.1'): number {
  const ours = bindUdp('127.0.0.1', 0);
  const theirs = bindUdp(address, 0);
  open.push(theirs);
  connectUdp(ours, address, socketAddresses(theirs).local?.port ?? 0);
  return ours;
}

/** A pool whose handshakes last until they are let go, and that takes the sockets over. */
class UnhurriedPool {
  readonly #waiting: (() => void)[] = [];
  readonly hellos: (Buffer | undefined)[] = [];
  readonly connection = {
    startTls: async ({ fd, hello: shown }: StartTlsRequest) => {
      this.hellos.push(shown);
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

test('the pool begins with the hello that the client was met by', async () => {
  const carry = datagramCarrier(asServer, target);
  const pool = new UnhurriedPool();
  const carried = carry(pool.connection, met(), hello);
  assert.deepEqual(pool.hellos, [hello]);
  pool.end();
  await carried;
});

test('one address takes no more than its share of the handshakes at once', async () => {
  const carry = datagramCarrier(asServer, target);
  const pool = new UnhurriedPool();
  const carried = Array.from({ length: 300 }, () => carry(pool.connection, met(), hello));
  assert.equal(pool.underway, 256);
  carried.push(carry(pool.connection, met('127.0.0.2'), hello));
  assert.equal(pool.underway, 257);
  pool.end();
  await Promise.all(carried);
  const again = carry(pool.connection, met(), hello);
  assert.equal(pool.underway, 1);
  pool.end();
  await again;
});
