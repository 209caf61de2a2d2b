import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Learned, learnFrom } from './answer.ts';
import { Exchanges } from './exchanges.ts';

export interface DnsServer {
  readonly address: string;
  readonly port: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * Stands between one socket of a resolver and its DNS server, where packets cannot be seen otherwise. The program's
 * socket is connected to `port` on loopback instead. Ends itself when nothing comes for a while.
 */
export class DnsForwarder {
  readonly #inner: Socket;
  readonly #outer: Socket;
  readonly #learn: (learned: Learned) => void;
  readonly #exchanges = new Exchanges(64);
  readonly #idle: NodeJS.Timeout;
  #client: { readonly address: string; readonly port: number } | undefined;

  /** Fails as socket calls do: no route to the server, no loopback of that family. */
  static async open(
    server: DnsServer,
    learn: (learned: Learned) => void,
    gone: () => void = () => {},
  ): Promise<DnsForwarder> {
    const type = server.family === 'ipv4' ? 'udp4' : 'udp6';
    const [inner, outer] = [createSocket(type), createSocket(type)];
    try {
      inner.bind(0, server.family === 'ipv4' ? '127.0.0.1' : '::1');
      outer.connect(server.port, server.address);
      await Promise.all([once(inner, 'listening'), once(outer, 'connect')]);
      return new DnsForwarder(inner, outer, learn, gone);
    } catch (error) {
      for (const socket of [inner, outer]) socket.close();
      throw error;
    }
  }

  private constructor(
    inner: Socket,
    outer: Socket,
    learn: (learned: Learned) => void,
    gone: () => void,
  ) {
    this.#inner = inner;
    this.#outer = outer;
    this.#learn = learn;
    this.#idle = setTimeout(() => this.close(), longestSilence);
    inner.on('message', (datagram, from) => this.#ask(datagram, from));
    outer.on('message', (datagram) => this.#answer(datagram));
    inner.once('close', gone);
    for (const socket of [inner, outer]) {
      // A server that is not there (ECONNREFUSED), a program that is gone: the resolver's own time-out tells it.
      socket.on('error', () => {});
      socket.unref();
    }
    this.#idle.unref();
  }

  /** Where the program's socket is to be connected to. */
  get port(): number {
    return (this.#inner.address() as AddressInfo).port;
  }

  /** Only datagrams from this port are taken: no other program may ask in the name of this one. */
  serve(address: string, port: number): void {
    this.#client = { address, port };
  }

  close(): void {
    clearTimeout(this.#idle);
    for (const socket of [this.#inner, this.#outer]) {
      try {
        socket.close();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
      }
    }
  }

  #ask(datagram: Buffer, { address, port }: RemoteInfo): void {
    if (address !== this.#client?.address || port !== this.#client.port) return;
    this.#idle.refresh();
    this.#exchanges.asked('', datagram);
    this.#outer.send(datagram);
  }

  #answer(datagram: Buffer): void {
    if (this.#client === undefined) return;
    this.#idle.refresh();
    const message = this.#exchanges.answered('', datagram);
    // Learned first: the program may connect as soon as it has the answer.
    if (message) this.#learn(learnFrom(message));
    this.#inner.send(datagram, this.#client.port, this.#client.address);
  }
}

/** ms. Resolvers give up after seconds; those that keep a socket notice that it is gone and take another. */
const longestSilence = 120_000;
