import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Actor } from '../../core/starttls/simulation.ts';

/** How a ClientHello's record begins (RFC 8446 section 5.1); in none of the dialogs' commands there is that. */
const clientHello = Buffer.from([0x16, 3, 1]);

export interface StartTlsScript {
  /** What it says in the clear. */
  readonly clear: Actor;
  /** What it says inside TLS. */
  readonly inside: Actor;
}

/** A server of STARTTLS that says what a script says, with Node's own TLS. */
export class StartTlsServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** All that it was told in the clear, connection by connection, in latin1. */
  readonly heard: string[] = [];
  /** What it was asked for by SNI, where TLS came about. */
  readonly askedFor: string[] = [];

  static async start(
    credential: { readonly key: Buffer; readonly cert: Buffer },
    script: StartTlsScript,
    address: string,
  ): Promise<StartTlsServer> {
    const server = createServer({ allowHalfOpen: true });
    const started = new StartTlsServer(server, createSecureContext(credential), script);
    server.listen(0, address);
    await once(server, 'listening');
    return started;
  }

  private constructor(
    server: Server,
    credential: SecureContext,
    { clear, inside }: StartTlsScript,
  ) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      const number = this.heard.push('') - 1;
      const hear = (more: string) => {
        this.heard[number] += more;
        say(socket, clear.answer?.(this.heard[number] ?? '', more));
      };
      const converse = (bytes: Buffer) => {
        // Where nobody waits for a word before it (mysql), it may come with the last command.
        const hello = bytes.indexOf(clientHello);
        if (hello !== 0) hear(bytes.toString('latin1', 0, hello < 0 ? bytes.length : hello));
        if (hello < 0) return;
        socket.off('data', converse).pause();
        socket.unshift(bytes.subarray(hello));
        this.#secure(socket, credential, inside);
      };
      socket.on('data', converse);
      socket.on('end', () => socket.end());
      say(socket, clear.greeting);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #secure(socket: Socket, secureContext: SecureContext, { greeting, answer }: Actor): void {
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    let heard = '';
    secured.on('error', () => undefined);
    secured.once('secure', () => {
      this.askedFor.push(secured.servername || '');
      say(secured, greeting);
    });
    secured.on('data', (bytes: Buffer) => {
      const more = bytes.toString('latin1');
      heard += more;
      say(secured, answer?.(heard, more));
    });
  }
}

function say(socket: Socket, words: string | Buffer | undefined): void {
  if (words === undefined || words.length === 0 || !socket.writable) return;
  socket.write(typeof words === 'string' ? Buffer.from(words, 'latin1') : words);
}
