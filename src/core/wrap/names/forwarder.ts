import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Learned, learnFrom } from './answer.ts';
import { Exchanges } from './exchanges.ts';

export interface DnsServer {
  /** Numeric, an IPv4 one not as IPv6. */
  readonly address: string;
  readonly port: number;
}

export interface ForwarderEvents {
  /** What an answer teaches; said before the answer itself. */
  learned(learned: Learned): void;
  /** For the resolver. */
  answered(datagram: Buffer): void;
  /** It has ended, as nothing came for a while. */
  gone(): void;
}

/** Asks one name server in the place of one socket of a resolver, from a port of its own (RFC 5452 section 4.5). */
export class DnsForwarder {
  readonly #socket: Socket;
  readonly #connected: Promise<unknown>;
  readonly #events: ForwarderEvents;
  readonly #exchanges = new Exchanges(64);
  readonly #idle: NodeJS.Timeout;
  #closed = false;

  constructor({ address, port }: DnsServer, events: ForwarderEvents) {
    this.#events = events;
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    this.#socket = socket;
    // A server that is not there, no way to it: the resolver's own time-out tells it.
    socket.on('error', () => {});
    socket.on('message', (datagram) => this.#answer(datagram));
    socket.connect(port, address);
    this.#connected = once(socket, 'connect').catch(() => this.close());
    socket.unref();
    this.#idle = setTimeout(() => this.close(), longestSilence).unref();
    socket.once('close', () => {
      clearTimeout(this.#idle);
      events.gone();
    });
  }

  async ask(datagram: Buffer): Promise<void> {
    this.#idle.refresh();
    await this.#connected;
    if (this.#closed) return;
    this.#exchanges.asked('', datagram);
    this.#socket.send(datagram);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #answer(datagram: Buffer): void {
    this.#idle.refresh();
    const message = this.#exchanges.answered('', datagram);
    // The program may connect as soon as it has the answer.
    if (message) this.#events.learned(learnFrom(message));
    this.#events.answered(datagram);
  }
}

/** ms. Resolvers give up after seconds. */
const longestSilence = 120_000;
