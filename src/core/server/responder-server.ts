import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TlspoolError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { LocalAuthority } from './local-authority.ts';

/** Bytes of an OCSP request: a few certificates are asked about. */
const LARGEST_REQUEST = 8 * 1024;
/** ms for a whole request, and connections at once. */
const PATIENCE = 10_000;
const MOST_CONNECTIONS = 100;

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** The local CA over HTTP: OCSP (RFC 6960 appendix A) and its lists at `/ec.crl` and `/rsa.crl`. */
export class ResponderServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #authority: LocalAuthority;
  readonly #log: Log;

  /** @throws TlspoolError `ca-listen` */
  static async open(
    { address, port }: ListenAddress,
    authority: LocalAuthority,
    log: Log,
  ): Promise<ResponderServer> {
    const opened = new ResponderServer(authority, log);
    await new Promise<void>((done, failed) => {
      opened.#server.once('error', (cause) =>
        failed(
          new TlspoolError('ca-listen', `cannot listen at ${address}:${port}: ${cause.message}`, {
            hint: 'ca_listen in tlspool.conf takes a free port on loopback.',
            cause,
          }),
        ),
      );
      opened.#server.listen(port, address, () => done());
    });
    return opened;
  }

  private constructor(authority: LocalAuthority, log: Log) {
    this.#authority = authority;
    this.#log = log;
    this.#server = createServer(
      { requestTimeout: PATIENCE, headersTimeout: PATIENCE, keepAliveTimeout: PATIENCE },
      (request, response) => {
        this.#serve(request, response).catch((error: unknown) => {
          this.#log.error({ err: error }, 'the local CA gives no answer');
          response.writeHead(500).end();
        });
      },
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    // It never keeps a pool from ending.
    this.#server.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    if (request.method === 'POST') {
      const content = await body(request);
      if (content === undefined) response.writeHead(413).end();
      else send(response, 'application/ocsp-response', await this.#authority.answer(content));
      return;
    }
    if (request.method !== 'GET') {
      response.writeHead(405).end();
      return;
    }
    const kind = path === '/ec.crl' ? 'ec' : path === '/rsa.crl' ? 'rsa' : undefined;
    if (kind !== undefined) {
      const list = await this.#authority.list(kind);
      if (list === undefined) response.writeHead(404).end();
      else send(response, 'application/pkix-crl', list);
      return;
    }
    const asked = encodedRequest(path);
    if (asked === undefined) response.writeHead(404).end();
    else send(response, 'application/ocsp-response', await this.#authority.answer(asked));
  }
}

function send(response: ServerResponse, type: string, content: Buffer): void {
  response.writeHead(200, { 'content-type': type, 'content-length': content.length });
  response.end(content);
}

/** undefined: it is too long. */
async function body(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LARGEST_REQUEST) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Base64 in the path (RFC 6960 appendix A.1); undefined: it is none. */
function encodedRequest(path: string): Buffer | undefined {
  let text: string;
  try {
    text = decodeURIComponent(path.slice(1));
  } catch {
    return undefined;
  }
  const isBase64 = text.length > 0 && text.length <= LARGEST_REQUEST && /^[\w+/]+=*$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : undefined;
}
