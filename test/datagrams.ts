/** Datagrams for tests: a program's end of a socket pair, and a network that loses, doubles and reorders. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import * as sockets from '../src/core/engine/sockets.ts';
import { until, within } from './patience.ts';

const LARGEST = 65_536;

/** One end of a pair of sockets that keep the boundaries of messages, as a program has it. */
export class DatagramProgram implements Disposable {
  /** All that came, in order; undefined at the end. */
  readonly received: (Buffer | undefined)[] = [];
  readonly #fd: number;
  readonly #watch: sockets.Watch;
  #open = true;

  constructor(fd: number) {
    this.#fd = fd;
    this.#watch = sockets.watch(fd, { readable: true }, () => this.#read());
  }

  /** @returns whether the socket took it */
  send(data: string | Buffer): boolean {
    return sockets.send(this.#fd, Buffer.from(data)) !== undefined;
  }

  async next(): Promise<Buffer | undefined> {
    await until('a datagram', () => this.received.length > 0);
    return this.received.shift();
  }

  async text(): Promise<string | undefined> {
    return (await this.next())?.toString();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    sockets.closeFd(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(): void {
    const room = Buffer.alloc(LARGEST);
    const got = sockets.receive(this.#fd, room, 0);
    if (got === undefined) return;
    this.received.push(got.bytes === 0 ? undefined : room.subarray(0, got.bytes));
    if (got.bytes === 0) this.#watch.update({});
  }
}

/** The program's end of a plaintext pair, and the number to give to the engine. */
export function datagramPlaintext(): { fd: number; program: DatagramProgram } {
  const [ours, fd] = sockets.messagePair();
  return { fd, program: new DatagramProgram(ours) };
}

/** A UDP socket that is connected to a port of this machine. */
export function udpTo(port: number): number {
  const fd = sockets.bindUdp('127.0.0.1', 0);
  sockets.connectUdp(fd, '127.0.0.1', port);
  return fd;
}

export type Direction = 'to-server' | 'to-client';
export type Fate = 'pass' | 'lose' | 'double' | 'delay';

export type FateOf = (direction: Direction, data: Buffer) => Fate;

export interface Carried {
  readonly direction: Direction;
  readonly data: Buffer;
  readonly fate: Fate;
}

/** Between a client and a server on loopback; what becomes of a datagram is up to `fate`. */
export class Network implements AsyncDisposable {
  readonly carried: Carried[] = [];
  /** Where the client is to connect to. */
  readonly port: number;
  /** Where the server sees its client. */
  readonly clientPort: number;
  readonly #front: Socket;
  readonly #back: Socket;
  readonly #fate: FateOf;
  readonly #late: Partial<Record<Direction, Buffer>> = {};
  #client: RemoteInfo | undefined;
  #server: number | undefined;
  #gone = false;

  private constructor(front: Socket, back: Socket, fate: FateOf) {
    this.#front = front;
    this.#back = back;
    this.#fate = fate;
    this.port = front.address().port;
    this.clientPort = back.address().port;
    front.on('message', (data, from) => {
      this.#client = from;
      this.#carry('to-server', data);
    });
    back.on('message', (data) => this.#carry('to-client', data));
    for (const socket of [front, back]) socket.on('error', () => {});
  }

  static async create(fate: FateOf = () => 'pass'): Promise<Network> {
    const [front, back] = await Promise.all([bound(), bound()]);
    return new Network(front, back, fate);
  }

  set server(port: number) {
    this.#server = port;
  }

  /** A descriptor for the engine: the server's end, which sees the client where this network is. */
  serverFd(): number {
    const fd = udpTo(this.clientPort);
    this.#server = sockets.socketAddresses(fd).local?.port;
    return fd;
  }

  /** A descriptor for the engine: the client's end. */
  clientFd(): number {
    return udpTo(this.port);
  }

  /** Sends something to one side that the other one did not. */
  inject(direction: Direction, data: Buffer): void {
    const [socket, port] =
      direction === 'to-server' ? [this.#back, this.#server] : [this.#front, this.#client?.port];
    if (port !== undefined) socket.send(data, port, '127.0.0.1');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.vanish();
  }

  /** From now on nobody has its ports. */
  async vanish(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    const closed = [this.#front, this.#back].map((socket) => once(socket, 'close'));
    this.#front.close();
    this.#back.close();
    await within('the network to close', Promise.all(closed));
  }

  #carry(direction: Direction, data: Buffer): void {
    const fate = this.#fate(direction, data);
    this.carried.push({ direction, data, fate });
    const late = this.#late[direction];
    if (fate === 'delay' && late === undefined) {
      this.#late[direction] = data;
      return;
    }
    if (fate !== 'lose') this.inject(direction, data);
    if (fate === 'double') this.inject(direction, data);
    if (late === undefined) return;
    delete this.#late[direction];
    this.inject(direction, late);
  }
}

/** Loses, doubles and delays each in a share of cases, the same for each seed (mulberry32). */
export function badly(seed: number, share: number): (direction: Direction) => Fate {
  let state = seed;
  const draw = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => {
    const drawn = draw();
    if (drawn < share) return 'lose';
    if (drawn < 2 * share) return 'double';
    return drawn < 3 * share ? 'delay' : 'pass';
  };
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await within('a port', once(socket, 'listening'));
  return socket;
}
