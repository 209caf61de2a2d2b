import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A plain UDP server, which sends back what it hears, in capitals. */
export class EchoingDatagrams implements Disposable {
  readonly #socket = createSocket('udp4');

  static async start(): Promise<EchoingDatagrams> {
    const started = new EchoingDatagrams();
    await once(started.#socket.bind(0, '127.0.0.1'), 'listening');
    return started;
  }

  private constructor() {
    this.#socket.on('message', (data, { port, address }) => {
      this.#socket.send(data.toString().toUpperCase(), port, address);
    });
  }

  /** ADDR:PORT */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
