import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { bindUdp, closeFd, socketAddresses } from '../../../src/core/engine/sockets.ts';
import { HelloAcceptor } from '../../../src/core/tunnel/hello-acceptor.ts';
import { until } from '../../patience.ts';
import {
  firstHello,
  type HelloParts,
  madeHello,
  readHelloVerifyRequest,
  secondHello,
} from '../dtls/made-hello.ts';

interface Accepted {
  readonly fd: number;
  readonly hello: Buffer | undefined;
}

/** An acceptor that listens, and what it accepted. */
class Listening implements Disposable {
  readonly port: number;
  readonly accepted: Accepted[] = [];
  readonly acceptor: HelloAcceptor;

  constructor() {
    const listener = bindUdp('127.0.0.1', 0);
    this.port = socketAddresses(listener).local?.port ?? 0;
    this.acceptor = new HelloAcceptor(listener, {
      connection: (fd, hello) => this.accepted.push({ fd, hello }),
      lost: assert.fail,
      failed: assert.fail,
    });
  }

  [Symbol.dispose](): void {
    this.acceptor.close();
    for (const { fd } of this.accepted) closeFd(fd);
  }
}

class Client implements Disposable {
  readonly heard: Buffer[] = [];
  readonly #socket: Socket;
  readonly #server: number;
  /** Resolves when all that was said so far is in the server's socket: the loopback does it at once. */
  sent: Promise<void> = Promise.resolve();

  private constructor(socket: Socket, server: number) {
    this.#socket = socket.on('message', (data) => this.heard.push(data));
    this.#server = server;
  }

  static async of(server: number, address = '127.0.0.1'): Promise<Client> {
    const socket = createSocket('udp4').bind(0, address);
    await once(socket, 'listening');
    return new Client(socket, server);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(data: Buffer): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.send(data, this.#server, '127.0.0.1', () => resolve());
    this.sent = Promise.all([this.sent, promise]).then(() => undefined);
  }

  async cookieFor(hello: HelloParts): Promise<Buffer> {
    const before = this.heard.length;
    this.send(madeHello(hello));
    await until('an answer', () => this.heard.length > before);
    const answer = readHelloVerifyRequest(this.heard.at(-1) ?? assert.fail());
    assert.equal(answer.message, 3);
    assert.equal(answer.sequence, hello.sequence);
    return answer.cookie;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

test('who brings its cookie back gets a socket of its own, and its hello comes along', async () => {
  using listening = new Listening();
  using client = await Client.of(listening.port);
  listening.acceptor.resume();
  const first = firstHello();
  const cookie = await client.cookieFor(first);
  assert.deepEqual(await client.cookieFor(first), cookie, 'nothing is kept of the first');
  assert.deepEqual(listening.accepted, []);
  const second = madeHello(secondHello(first, cookie));
  client.send(second);
  await until('a connection', () => listening.accepted.length > 0);
  const [{ fd, hello } = assert.fail()] = listening.accepted;
  assert.deepEqual(hello, second);
  assert.deepEqual(socketAddresses(fd).remote, { address: '127.0.0.1', port: client.port });
  assert.equal(socketAddresses(fd).local?.port, listening.port);
});

test('a cookie is good at the address and the port only that it was sent to', async () => {
  using listening = new Listening();
  using client = await Client.of(listening.port);
  using otherPort = await Client.of(listening.port);
  using otherAddress = await Client.of(listening.port, '127.0.0.2');
  listening.acceptor.resume();
  const first = firstHello();
  const cookie = await client.cookieFor(first);
  for (const thief of [otherPort, otherAddress]) {
    const own = await thief.cookieFor(secondHello(first, cookie));
    assert.notDeepEqual(own, cookie);
    // Its own it may show: so does a client whose port was changed on the way.
    thief.send(madeHello(secondHello(first, own)));
  }
  await until('both', () => listening.accepted.length === 2);
  const ports = listening.accepted.map(({ fd }) => socketAddresses(fd).remote?.port);
  assert.deepEqual(ports, [otherPort.port, otherAddress.port]);
});

test('what is no hello, too large, or shows what is no cookie for it, gets no socket', async () => {
  using listening = new Listening();
  using client = await Client.of(listening.port);
  listening.acceptor.resume();
  const first = firstHello();
  const cookie = await client.cookieFor(first);
  const right = secondHello(first, cookie);
  const answered = client.heard.length;
  const silent = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(0),
    madeHello(right).subarray(0, 30),
    Buffer.concat([madeHello(right), madeHello(right)]),
    madeHello({ ...right, extensions: Buffer.alloc(9_000) }),
    madeHello({ ...right, message: 2 }),
  ];
  for (const datagram of silent) client.send(datagram);
  const asked = [
    { ...right, random: Buffer.alloc(32) },
    { ...right, cookie: Buffer.alloc(32) },
    { ...right, cookie: Buffer.alloc(255) },
    { ...right, message: 0 },
  ];
  for (const hello of asked) await client.cookieFor(hello);
  assert.equal(client.heard.length, answered + asked.length);
  assert.deepEqual(listening.accepted, []);
});

test('who says its second hello twice before it is heard is met once', async () => {
  using listening = new Listening();
  using client = await Client.of(listening.port);
  using other = await Client.of(listening.port);
  listening.acceptor.resume();
  const first = firstHello();
  const second = madeHello(secondHello(first, await client.cookieFor(first)));
  const others = madeHello(secondHello(first, await other.cookieFor(first)));
  listening.acceptor.pause();
  for (const _ of [1, 2, 3]) client.send(second);
  for (const _ of [1, 2]) other.send(others);
  await Promise.all([client.sent, other.sent]);
  listening.acceptor.resume();
  await until('both', () => listening.accepted.length >= 2);
  using last = await Client.of(listening.port);
  await last.cookieFor(first);
  assert.equal(listening.accepted.length, 2);
});
