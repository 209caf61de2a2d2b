/** Revocation lists and OCSP responses of every shape, and places where they can be had. */
import { createHash, createPublicKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { certificateParts } from '../../../src/core/trust/fingerprints.ts';
import { der, extension, type Maker, oid, sequence, time } from './made-certificates.ts';

interface Lasting {
  /** Days from now; `until: null`: it does not say. */
  readonly from?: number;
  readonly until?: number | null;
}

/** CertificateList (RFC 5280 section 5.1). */
export function makeList(
  issuer: Maker,
  revoked: readonly Maker[] = [],
  { from = -0.1, until = 1 }: Lasting = {},
): Buffer {
  const entries = revoked.map((one) => sequence(der(0x02, serialOf(one)), time(-0.05)));
  return signed(issuer, [
    der(0x02, Buffer.of(1)),
    ecdsaSha256,
    issuer.subject,
    time(from),
    ...(until === null ? [] : [time(until)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    der(0xa0, sequence(extension('551d14', der(0x02, Buffer.of(1))))),
  ]);
}

export interface Saying extends Lasting {
  readonly status?: 'good' | 'revoked' | 'unknown';
  /** Who signs, if not the issuer. */
  readonly signer?: Maker;
  readonly nonce?: Buffer | undefined;
}

/** OCSPResponse (RFC 6960 section 4.2.1) about a certificate. */
export function makeAnswer(issuer: Maker, about: Maker, saying: Saying = {}): Buffer {
  const { status = 'good', signer = issuer, nonce, from = -0.1, until = 1 } = saying;
  const single = sequence(
    sequence(
      sequence(oid('2b0e03021a'), Buffer.of(5, 0)),
      der(0x04, sha1(issuer.subject)),
      der(0x04, sha1(keyBits(issuer))),
      der(0x02, serialOf(about)),
    ),
    { good: der(0x80), revoked: der(0xa1, time(-0.05)), unknown: der(0x82) }[status],
    time(from),
    ...(until === null ? [] : [der(0xa0, time(until))]),
  );
  const extensions =
    nonce === undefined
      ? []
      : [der(0xa1, sequence(extension('2b0601050507300102', der(0x04, nonce))))];
  const certificates = signer === issuer ? [] : [der(0xa0, sequence(signer.certificate))];
  const basic = signed(
    signer,
    [der(0xa2, der(0x04, sha1(keyBits(signer)))), time(from), sequence(single), ...extensions],
    certificates,
  );
  const kind = oid('2b0601050507300101');
  return sequence(der(0x0a, Buffer.of(0)), der(0xa0, sequence(kind, der(0x04, basic))));
}

/** The nonce of an OCSPRequest as our own are made: 32 bytes, at the end. */
export function nonceOf(request: Buffer): Buffer | undefined {
  return request.includes(Buffer.from('2b0601050507300102', 'hex'))
    ? request.subarray(-32)
    : undefined;
}

type Handler = (
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
) => Buffer | undefined;

/** An HTTP server on loopback. What a handler does not give as an answer it has seen to itself. */
export class Place implements AsyncDisposable {
  readonly #server: Server;
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly handlers = new Map<string, Handler>();

  static async open(): Promise<Place> {
    const place = new Place();
    place.#server.listen(0, '127.0.0.1');
    await once(place.#server, 'listening');
    return place;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => response.destroy(error));
    });
  }

  /** URL of what the handler answers, or of a content that does not change. */
  at(path: string, handler: Handler | Buffer): string {
    this.handlers.set(path, Buffer.isBuffer(handler) ? () => handler : handler);
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    this.asked.push(path);
    const content = await buffer(request);
    const handler = this.handlers.get(path);
    if (handler === undefined) response.writeHead(404).end();
    else {
      const answer = handler(content, request, response);
      if (answer !== undefined) response.end(answer);
    }
  }
}

const ecdsaSha256 = sequence(oid('2a8648ce3d040302'));

function signed(signer: Maker, fields: readonly Buffer[], more: readonly Buffer[] = []): Buffer {
  const content = sequence(...fields);
  const value = sign('sha256', content, signer.privateKey);
  return sequence(content, ecdsaSha256, der(0x03, Buffer.of(0), value), ...more);
}

function serialOf({ certificate }: Maker): Buffer {
  return certificateParts(certificate).serial;
}

/** Of a key on P-256: the point, uncompressed. */
function keyBits({ privateKey }: Maker): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-65);
}

function sha1(data: Buffer): Buffer {
  return createHash('sha1').update(data).digest();
}
