import {
  contact,
  type Dialog,
  mayStayClear,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import { leftBefore, neverAsked } from './refusals.ts';
import type { Talking } from './step.ts';

/*
 * LDAP (RFC 4511) with the StartTLS operation.
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 4511 §4.14.1: requestName 1.3.6.1.4.1.1466.20037, no requestValue | any other extended request is refused |
 * | §4.14.1: no PDU follows the request until the response | one ends the connection (injection) |
 * | §4.14.2: success, then TLS | so; the message id is the request's |
 * | §4.1.9: confidentialityRequired (13) where TLS has to come first | to every other request, in the response that belongs to it |
 * | §4.3, §4.11: unbind and abandon have no response | the first ends the connection, the second is passed over |
 * | RFC 4513 §3.1.5: what was learned before TLS is discarded | the program hears nothing before TLS |
 * | RFC 4513 §3.1.2: a client that needs TLS does not go on without it (stripping) | any other result ends our client's connection |
 * | RFC 4511 §5.1: definite lengths only; a PDU has a size limit | 64 KiB before TLS |
 */
export const ldap: Protocol = { name: 'ldap', service: 'ldap', serverFirst: false, server, client };

const startTlsOid = '1.3.6.1.4.1.1466.20037';
const longestMessage = 65_536;
const mostMessages = 32;

const success = 0;
const confidentialityRequired = 13;

const extendedRequest = 0x77;
const extendedResponse = 0x78;
const unbindRequest = 0x42;
const abandonRequest = 0x50;

/** Which response answers a request (RFC 4511 section 4.2 and on). */
const responses: Readonly<Record<number, number>> = {
  96: 0x61,
  99: 0x65,
  102: 0x67,
  104: 0x69,
  74: 0x6b,
  108: 0x6d,
  110: 0x6f,
  [extendedRequest]: extendedResponse,
};

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  for (let count = 0; count < mostMessages; count++) {
    const message = yield* readMessage(peer);
    if (isStartTls(message)) {
      requireNothingBehind(peer);
      peer.send(result(message.id, extendedResponse, success, startTlsOid));
      yield* secure(talk);
      yield* contact(talk);
      return 'leave';
    }
    if (policy.optional && (yield* mayStayClear(talk))) {
      yield* contact(talk);
      program.send(message.bytes);
      return 'through';
    }
    if (message.operation === unbindRequest) throw leftBefore();
    if (message.operation === abandonRequest) continue;
    const response = responses[message.operation];
    if (response === undefined) throw malformed(peer, 'no request');
    peer.send(result(message.id, response, confidentialityRequired, undefined));
  }
  throw neverAsked();
}

function* client(talk: Talk): Dialog {
  const { peer } = talk;
  const id = Buffer.from([1]);
  peer.send(
    sequence(0x30, element(0x02, id), sequence(extendedRequest, element(0x80, text(startTlsOid)))),
  );
  const message = yield* readMessage(peer);
  const answer =
    message.operation === extendedResponse ? firstElement(message.body, peer) : undefined;
  const code = answer?.tag === 0x0a && answer.body.length === 1 ? answer.body[0] : undefined;
  if (!message.id.equals(id) || code !== success) {
    throw new DialogEnd(
      'starttls-not-offered',
      `the server answered StartTLS with ${code === undefined ? 'something else' : `result ${code}`}`,
      'Or somebody on the way did; the connection was ended.',
    );
  }
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}

interface LdapMessage {
  readonly bytes: Buffer;
  /** The content of the INTEGER. */
  readonly id: Buffer;
  /** The operation's tag. */
  readonly operation: number;
  readonly body: Buffer;
}

function* readMessage(party: Party): Talking<LdapMessage> {
  const start = yield* party.exactly(2);
  const [tag, first = 0] = start;
  if (tag !== 0x30) throw malformed(party, 'no LDAPMessage');
  const more = first < 0x80 ? Buffer.alloc(0) : yield* party.exactly(lengthOfLength(first, party));
  const length = first < 0x80 ? first : more.readUIntBE(0, more.length);
  if (length > longestMessage) throw malformed(party, `a message of ${length} bytes`);
  const body = yield* party.exactly(length);
  const id = firstElement(body, party);
  const operation = firstElement(body.subarray(id.end), party);
  // RFC 4511 section 4.1.1.1: up to 2^31 - 1.
  if (id.tag !== 0x02 || id.body.length === 0 || id.body.length > 4) {
    throw malformed(party, 'a message without number');
  }
  return {
    bytes: Buffer.concat([start, more, body]),
    id: id.body,
    operation: operation.tag,
    body: operation.body,
  };
}

function lengthOfLength(first: number, party: Party): number {
  const length = first & 0x7f;
  if (length === 0 || length > 4) throw malformed(party, 'a length that is not definite');
  return length;
}

interface Element {
  readonly tag: number;
  readonly body: Buffer;
  /** Where it ends. */
  readonly end: number;
}

function firstElement(bytes: Buffer, party: Party): Element {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw malformed(party, 'a message that is cut off');
  const extra = first < 0x80 ? 0 : lengthOfLength(first, party);
  if (bytes.length < 2 + extra) throw malformed(party, 'a message that is cut off');
  const length = extra === 0 ? first : bytes.readUIntBE(2, extra);
  const end = 2 + extra + length;
  if (end > bytes.length) throw malformed(party, 'a message that is cut off');
  return { tag, body: bytes.subarray(2 + extra, end), end };
}

function isStartTls({ operation, body }: LdapMessage): boolean {
  const request = element(0x80, text(startTlsOid));
  return operation === extendedRequest && body.equals(request);
}

/** LDAPResult: no DN, no text. */
function result(id: Buffer, tag: number, code: number, oid: string | undefined): Buffer {
  const nothing = element(0x04, Buffer.alloc(0));
  const name = oid === undefined ? [] : [element(0x8a, text(oid))];
  const outcome = element(0x0a, Buffer.from([code]));
  return sequence(0x30, element(0x02, id), sequence(tag, outcome, nothing, nothing, ...name));
}

function sequence(tag: number, ...parts: readonly Buffer[]): Buffer {
  return element(tag, Buffer.concat(parts));
}

/** Short enough for a length of one byte. */
function element(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, body.length]), body]);
}

function text(words: string): Buffer {
  return Buffer.from(words, 'latin1');
}

function malformed({ side }: Party, what: string): DialogEnd {
  return new DialogEnd('starttls-no-reply', `the ${side} does not speak LDAP: ${what}`);
}
