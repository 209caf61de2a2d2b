import { createServer, type Server, type Socket } from 'node:net';
import { event } from '../../patience.ts';

/** A plaintext server on a free loopback port that hands every connection, half-open, to `serve`. */
export class PlainServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly port: number;

  static async start(serve: (socket: Socket) => void): Promise<PlainServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const plain = new PlainServer(server.listen(0, '127.0.0.1'), serve, await portOf(server));
    return plain;
  }

  /** Sends back whatever comes, and ends when the other side ends. */
  static echo(): Promise<PlainServer> {
    return PlainServer.start((socket) => socket.pipe(socket));
  }

  private constructor(server: Server, serve: (socket: Socket) => void, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      serve(socket);
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await event(this.#server, 'close');
  }
}

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await event(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
