import {
  contact,
  type Dialog,
  mayStayClear,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  secureBehind,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import { neverAsked, notOffered } from './refusals.ts';

/*
 * PostgreSQL (Frontend/Backend Protocol, "SSL Session Encryption").
 *
 * | rule | how it is kept |
 * |---|---|
 * | SSLRequest is answered by the byte S, and TLS follows | so |
 * | GSSENCRequest may come first; N lets the client go on | N |
 * | nothing may be buffered behind SSLRequest (CVE-2021-23214), nor behind S (CVE-2021-23222) | it ends the connection |
 * | without SSLRequest TLS begins at once, if ALPN agrees on `postgresql` | so; without that ALPN it ends |
 * | a start-up in the clear is refused by FATAL 28000 where TLS is required (hostssl) | so; a cancel request has no answer, and ends |
 * | a server that answers N, or with an error, does not do TLS (stripping) | our client ends the connection |
 * | a program that asks our client for TLS (sslmode=prefer) or GSSAPI | is answered N, once TLS is there: it has no need of more |
 */
export const postgres: Protocol = {
  name: 'postgres',
  service: 'postgresql',
  serverFirst: false,
  alpn: ['postgresql'],
  server,
  client,
};

const cancelRequest = 80_877_102;
const sslRequest = 80_877_103;
const gssEncRequest = 80_877_104;
/** PG_MAX_STARTUP_PACKET_LENGTH of the server. */
const longestStartup = 10_000;
/** First byte of a ClientHello's record (RFC 8446 section 5.1); a length never begins with it. */
const tlsHandshake = 0x16;

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  const [first] = yield* peer.look(1);
  if (first === tlsHandshake) {
    yield* secureBehind({ requireAlpn: 'postgresql' });
    yield* contact(talk);
    return 'leave';
  }
  for (let refusals = 0; ; refusals++) {
    const start = yield* peer.exactly(8);
    const length = start.readUInt32BE(0);
    const code = start.readUInt32BE(4);
    if (length === 8 && code === sslRequest) break;
    if (length === 8 && code === gssEncRequest && refusals === 0) {
      peer.send('N');
      continue;
    }
    if (length < 8 || length > longestStartup) throw malformed('a start-up of no sensible length');
    if (policy.optional && (yield* mayStayClear(talk))) {
      yield* contact(talk);
      program.send(start);
      return 'through';
    }
    if (code !== cancelRequest) peer.send(tlsRequired);
    throw neverAsked();
  }
  requireNothingBehind(peer);
  peer.send('S');
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}

/** ErrorResponse with the fields S, V, C and M. */
const tlsRequired = errorResponse(['SFATAL', 'VFATAL', 'C28000', 'MTLS is required here']);

function errorResponse(fields: readonly string[]): Buffer {
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`, 'latin1');
  const head = Buffer.alloc(5);
  head.write('E', 0, 'latin1');
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function* client(talk: Talk): Dialog {
  const { peer, program } = talk;
  peer.send(request(sslRequest));
  const answer = (yield* peer.exactly(1)).toString('latin1');
  if (answer !== 'S') throw notOffered();
  yield* secure(talk);
  yield* contact(talk);
  for (;;) {
    // What is none of these two is for the server, and stays where it is.
    const start = yield* program.look(8);
    const asksForMore = [sslRequest, gssEncRequest].some((code) => start.equals(request(code)));
    if (!asksForMore) return 'leave';
    yield* program.exactly(8);
    program.send('N');
  }
}

function request(code: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(8, 0);
  bytes.writeUInt32BE(code, 4);
  return bytes;
}

function malformed(what: string): DialogEnd {
  return new DialogEnd(
    'starttls-no-reply',
    `the peer does not speak PostgreSQL's protocol: ${what}`,
  );
}
