/** What is said before a client of DTLS has shown its cookie, byte by byte. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Engine } from '../../../src/core/engine/engine.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { datagramPlaintext, Network } from '../../datagrams.ts';
import { until, within } from '../../patience.ts';
import { open } from './fixture.ts';

/** Offsets in a datagram with one record of one whole handshake message (RFC 6347 sections 4.1 and 4.2.2). */
export const MESSAGE_TYPE = 13;
const BODY = 25;
const HELLO_VERIFY_REQUEST = 3;
export const SERVER_HELLO = 2;

/** The cookie of a HelloVerifyRequest. */
export function cookieIn(datagram: Buffer): Buffer {
  assert.equal(datagram[0], 22);
  assert.equal(datagram[MESSAGE_TYPE], HELLO_VERIFY_REQUEST);
  const length = datagram[BODY + 2] ?? 0;
  assert.equal(datagram.length, BODY + 3 + length);
  return datagram.subarray(BODY + 3);
}

/** A ClientHello that shows a cookie: the one given, in the place of the empty one. */
export function showing(hello: Buffer, cookie: Buffer, sequence: number): Buffer {
  const at = BODY + 2 + 32 + 1 + (hello[BODY + 2 + 32] ?? 0);
  assert.equal(hello[at], 0, 'the first one shows none');
  const shown = Buffer.concat([
    hello.subarray(0, at),
    Buffer.from([cookie.length]),
    cookie,
    hello.subarray(at + 1),
  ]);
  shown.writeUIntBE(sequence, 5, 6);
  shown.writeUInt16BE(shown.length - 13, 11);
  shown.writeUIntBE(shown.length - BODY, MESSAGE_TYPE + 1, 3);
  shown.writeUInt16BE(sequence, MESSAGE_TYPE + 4);
  shown.writeUIntBE(shown.length - BODY, MESSAGE_TYPE + 9, 3);
  return shown;
}

/** The first datagram of a client of ours. */
export async function clientHello(engine: Engine): Promise<Buffer> {
  await using network = await Network.create();
  const { fd, program } = datagramPlaintext();
  using _ = program;
  const client = open(engine, {
    fd: network.clientFd(),
    role: 'client',
    datagrams: true,
    plainFd: fd,
  });
  await until('a ClientHello', () => network.carried.length > 0);
  engine.close(client.id, 'abort');
  await client.closed;
  return network.carried[0]?.data ?? assert.fail();
}

/** Somebody who speaks to a session byte by byte. */
export async function stranger() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await within('a port', once(socket, 'listening'));
  const heard: Buffer[] = [];
  socket.on('message', (data) => heard.push(data));
  const fd = sockets.bindUdp('127.0.0.1', 0);
  sockets.connectUdp(fd, '127.0.0.1', socket.address().port);
  const port = sockets.socketAddresses(fd).local?.port ?? 0;
  return {
    fd,
    heard,
    say(datagram: Buffer): void {
      socket.send(datagram, port, '127.0.0.1');
    },
    async ask(datagram: Buffer): Promise<Buffer> {
      const before = heard.length;
      socket.send(datagram, port, '127.0.0.1');
      await until('an answer', () => heard.length > before);
      return heard[before] ?? assert.fail();
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
