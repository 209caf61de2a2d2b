import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

/** A TLS server of another make (Node's own) that hands every connection to `serve`. */
export class TlsServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What clients asked for (SNI), in order. */
  readonly askedFor: string[] = [];

  static async start(
    credential: { readonly key: Buffer; readonly cert: Buffer },
    serve: (socket: TLSSocket) => void,
    { address = '127.0.0.1', port = 0 }: { address?: string; port?: number } = {},
  ): Promise<TlsServer> {
    const server = createServer({ ...credential, allowHalfOpen: true });
    server.listen(port, address);
    await once(server, 'listening');
    return new TlsServer(server, serve);
  }

  private constructor(server: Server, serve: (socket: TLSSocket) => void) {
    this.#server = server;
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('secureConnection', (socket) => {
      this.askedFor.push(socket.servername || '');
      socket.on('error', () => undefined);
      serve(socket);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Answers the first request with a page, as HTTP/1.0 does. */
export function page(text: string) {
  return (socket: TLSSocket) => {
    socket.once('data', () => {
      socket.end(`HTTP/1.0 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
  };
}

/** Sends back whatever comes, and ends when the other side ends. */
export function echo(socket: TLSSocket): void {
  socket.pipe(socket);
}
