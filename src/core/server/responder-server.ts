import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { failures } from '../authority/ocsp-response.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { LocalAuthority } from './local-authority.ts';

/** Bytes of an OCSP request: a few certificates are asked about. */
const LARGEST_REQUEST = 8 * 1024;
/** ms for a whole request, and connections at once. */
const PATIENCE = 10_000;
const MOST_CONNECTIONS = 100;
/** Answers that may wait for the token at once. */
const MOST_WAITING = 16;

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** What it says: the local CA. */
export type Speaker = Pick<LocalAuthority, 'answer' | 'list'>;

/** The local CA over HTTP: OCSP (RFC 6960 appendix A) and its lists at `/ec.crl` and `/rsa.crl`. */
export class ResponderServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #authority: Speaker;
  readonly #log: Log;
  readonly #patience: number;
  #waiting = 0;

  /** @param patience ms for an answer, whatever the token does @throws TlspoolError `ca-listen` */
  static async open(
    { address, port }: ListenAddress,
    authority: Speaker,
    log: Log,
    patience = PATIENCE,
  ): Promise<ResponderServer> {
    const opened = new ResponderServer(authority, log, patience);
    await new Promise<void>((done, failed) => {
      opened.#server.once('error', (cause) =>
        failed(
          new TlspoolError(
            'ca-listen',
            `cannot listen at ${address}:${port}: ${systemReason(cause)}`,
            {
              hint: 'ca_listen in tlspool.conf takes a free port on loopback.',
              cause,
            },
          ),
        ),
      );
      opened.#server.listen(port, address, () => done());
    });
    return opened;
  }

  private constructor(authority: Speaker, log: Log, patience: number) {
    this.#authority = authority;
    this.#log = log;
    this.#patience = patience;
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
      else await this.#answer(content, response);
      return;
    }
    if (request.method !== 'GET') {
      response.writeHead(405).end();
      return;
    }
    const kind = path === '/ec.crl' ? 'ec' : path === '/rsa.crl' ? 'rsa' : undefined;
    const asked = kind === undefined ? encodedRequest(path) : undefined;
    if (kind !== undefined) await this.#list(kind, response);
    else if (asked !== undefined) await this.#answer(asked, response);
    else response.writeHead(404).end();
  }

  async #answer(asked: Buffer, response: ServerResponse): Promise<void> {
    const answer = await this.#inTime(() => this.#authority.answer(asked));
    send(response, 'application/ocsp-response', answer ?? failures.tryLater);
  }

  async #list(kind: 'ec' | 'rsa', response: ServerResponse): Promise<void> {
    const list = await this.#inTime(() => this.#authority.list(kind));
    if (list === undefined) response.writeHead(503).end();
    else send(response, 'application/pkix-crl', list);
  }

  /** undefined: the token cannot sign, not now or not soon. */
  async #inTime(say: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    if (this.#waiting >= MOST_WAITING) return undefined;
    this.#waiting += 1;
    const said = say().finally(() => {
      this.#waiting -= 1;
    });
    const end = new AbortController();
    const late = pause(this.#patience, undefined, { signal: end.signal }).catch(() => undefined);
    try {
      return await Promise.race([said, late]);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.#log.warn({ reason: error.message }, 'the local CA cannot answer');
      return undefined;
    } finally {
      end.abort();
      // Whoever gave up does not hear of it any more.
      said.catch(() => undefined);
    }
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
