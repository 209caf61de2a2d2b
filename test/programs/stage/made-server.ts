import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TlsOptions,
} from 'node:tls';
import type { Maker } from '../../core/trust/made-certificates.ts';

/** Who a server is under one name. */
export interface Shown {
  /** Leaf first. */
  readonly chain: readonly [Maker, ...Maker[]];
  /** OCSPResponse, DER. */
  readonly stapled?: Buffer | undefined;
}

/**
 * A TLS server of another make (Node's own) that is somebody else under every name, whatever its certificates look
 * like, and remembers what clients had to say against them.
 */
export class MadeServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #contexts: ReadonlyMap<string, SecureContext>;
  readonly #complaints: string[] = [];
  readonly #waiting: ((complaint: string) => void)[] = [];

  static async start(
    identities: ReadonlyMap<string, Shown>,
    options: TlsOptions = {},
  ): Promise<MadeServer> {
    const made = new MadeServer(identities, options);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    return made;
  }

  private constructor(identities: ReadonlyMap<string, Shown>, options: TlsOptions) {
    this.#contexts = new Map(
      Array.from(identities, ([name, { chain }]) => [name, contextOf(chain)]),
    );
    this.#server = createServer({
      ...options,
      SNICallback: (name, done) => done(null, this.#contexts.get(name)),
    });
    this.#server.on('OCSPRequest', (certificate, _issuer, done) => {
      const shown = [...identities.values()].find(({ chain }) =>
        chain[0].certificate.equals(certificate),
      );
      done(null, shown?.stapled ?? (null as unknown as Buffer));
    });
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined).resume();
      this.#hear('none');
    });
    this.#server.on('tlsClientError', ({ code = '' }: NodeJS.ErrnoException) => {
      this.#hear(/ALERT_(\w+)$/.exec(code)?.[1]?.toLowerCase() ?? code);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The alert that the next client sends, `none` if it is content. */
  complaint(): Promise<string> {
    const first = this.#complaints.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((heard) => this.#waiting.push(heard));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #hear(complaint: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#complaints.push(complaint);
    else waiting(complaint);
  }
}

function contextOf(chain: readonly [Maker, ...Maker[]]): SecureContext {
  return createSecureContext({
    key: chain[0].privateKey.export({ format: 'pem', type: 'pkcs8' }),
    cert: chain.map(({ certificate }) => new X509Certificate(certificate).toString()).join(''),
  });
}
