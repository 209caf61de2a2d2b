import {
  contact,
  type Dialog,
  mayStayClear,
  type Protocol,
  requireNothingBehind,
  type ServerPolicy,
  secure,
  secureBehind,
  stayInside,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import { neverAsked, notOffered } from './refusals.ts';
import type { Side, Talking } from './step.ts';

/*
 * MySQL and MariaDB (client/server protocol, "Connection Phase").
 *
 * | rule | how it is kept |
 * |---|---|
 * | the server greets first, with CLIENT_SSL among its capabilities if it does TLS | set in what the peer sees, cleared in what a program of ours sees |
 * | SSLRequest is the first 32 bytes of a HandshakeResponse, with CLIENT_SSL | exactly its bytes are consumed: TLS may follow at once |
 * | sequence ids go on through TLS | renumbered by one until the server says OK or ERR, as the other side saw no SSLRequest |
 * | a client in the clear is refused by ERR 3159 where TLS is required | so |
 * | a server without CLIENT_SSL does no TLS (stripping) | our client ends the connection |
 * | the capabilities in the SSLRequest hold (MariaDB) | our client's program greets its server before TLS; its log-in waits for TLS, and is sent to nobody else |
 * | nothing may be said between the greeting and TLS by the server | it ends our client's connection (injection) |
 *
 * What does not work: caching_sha2_password and sha256_password send the password itself inside TLS, but encrypted
 * under the server's RSA key without. The two sides disagree about which it is, as only one of them sees TLS. So
 * caching_sha2_password works while the server has the account in its cache, and sha256_password does not;
 * mysql_native_password and ed25519 do.
 */
export const mysql: Protocol = {
  name: 'mysql',
  service: 'mysql',
  serverFirst: true,
  server,
  client,
};

const clientSsl = 0x0800;
const sslRequestLength = 32;
const longestPacket = 1 << 20;
const mostPackets = 64;

interface Packet {
  readonly sequence: number;
  readonly body: Buffer;
}

function* server(talk: Talk, policy: ServerPolicy): Dialog {
  const { peer, program } = talk;
  yield* contact(talk);
  const greeting = yield* packet(program);
  if (isError(greeting)) {
    peer.send(write(greeting));
    throw new DialogEnd('starttls-refused', 'the program greets with an error');
  }
  peer.send(write(withSsl(greeting, true, program)));
  const head = yield* peer.exactly(4);
  const length = head.readUIntLE(0, 3);
  if (length < sslRequestLength || length > longestPacket) {
    throw malformed(peer, `a first packet of ${length} bytes`);
  }
  // No more than that is read: behind an SSLRequest is TLS.
  const start = yield* peer.exactly(sslRequestLength);
  const isRequest = length === sslRequestLength && (start.readUInt32LE(0) & clientSsl) !== 0;
  if (!isRequest) {
    if (!(policy.optional && (yield* mayStayClear(talk)))) {
      peer.send(write({ sequence: 2, body: tlsRequired }));
      throw neverAsked();
    }
    program.send(Buffer.concat([head, start]));
    return 'through';
  }
  yield* secureBehind();
  yield* stayInside(talk);
  const response = yield* packet(peer);
  program.send(write(shifted(withResponseSsl(response, false), -1)));
  return yield* authenticate(talk, 'program');
}

/** 0xff, error 3159 (ER_SECURE_TRANSPORT_REQUIRED), SQL state HY000. */
const tlsRequired = Buffer.concat([
  Buffer.from([0xff, 0x57, 0x0c]),
  Buffer.from('#HY000Connections without TLS are refused here', 'latin1'),
]);

function* client(talk: Talk): Dialog {
  const { peer, program } = talk;
  const greeting = yield* packet(peer);
  if (isError(greeting)) throw new DialogEnd('starttls-refused', 'the server greets with an error');
  if ((capabilitiesOf(greeting, peer) & clientSsl) === 0) throw notOffered();
  requireNothingBehind(peer);
  yield* contact(talk);
  program.send(write(withSsl(greeting, false, peer)));
  const response = withResponseSsl(yield* packet(program), true);
  if (response.body.length < sslRequestLength) throw malformed(program, 'a log-in of another age');
  // Servers go by the capabilities in the request, so that these have to be the program's.
  const request = response.body.subarray(0, sslRequestLength);
  peer.send(write({ sequence: greeting.sequence + 1, body: request }));
  yield* secure(talk);
  yield* stayInside(talk);
  peer.send(write(shifted(response, 1)));
  return yield* authenticate(talk, 'peer');
}

/** Passes packets with other numbers until the server has decided. From then on numbers begin anew with each command. */
function* authenticate(talk: Talk, server: Side): Dialog {
  for (let count = 0; count < mostPackets; count++) {
    const { from, packet } = yield* eitherPacket(talk);
    const to = from === 'peer' ? talk.program : talk.peer;
    // The peer counts one more than the program: the SSLRequest.
    to.send(write(shifted(packet, from === 'program' ? 1 : -1)));
    const kind = packet.body[0];
    if (from === server && (kind === 0x00 || kind === 0xff)) return 'through';
  }
  throw new DialogEnd('starttls-no-reply', 'the server never decided about the log-in');
}

function* eitherPacket(talk: Talk): Talking<{ from: Side; packet: Packet }> {
  for (;;) {
    for (const from of ['program', 'peer'] as const) {
      const packet = packetNow(talk[from]);
      if (packet) return { from, packet };
    }
    talk.program.requireOpen();
    talk.peer.requireOpen();
    yield { wait: 'bytes', sides: ['program', 'peer'] };
  }
}

function* packet(party: Party): Talking<Packet> {
  for (;;) {
    const whole = packetNow(party);
    if (whole) return whole;
    yield* party.more();
  }
}

function packetNow(party: Party): Packet | undefined {
  const head = party.glance(4);
  if (!head) return undefined;
  const length = head.readUIntLE(0, 3);
  if (length > longestPacket) throw malformed(party, `a packet of ${length} bytes`);
  const whole = party.exactlyNow(4 + length);
  return whole && { sequence: whole[3] ?? 0, body: whole.subarray(4) };
}

function write({ sequence, body }: Packet): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence & 0xff;
  return Buffer.concat([head, body]);
}

function shifted({ sequence, body }: Packet, by: number): Packet {
  return { sequence: (sequence + by) & 0xff, body };
}

function isError({ body }: Packet): boolean {
  return body[0] === 0xff;
}

/** The low half of the capabilities is behind version, its NUL, thread id, 8 bytes of challenge and a filler. */
function capabilitiesAt({ body }: Packet, party: Party): number {
  const end = body.indexOf(0, 1);
  const at = end + 1 + 4 + 8 + 1;
  if (body[0] !== 10 || end < 0 || at + 2 > body.length) throw malformed(party, 'no greeting');
  return at;
}

function capabilitiesOf(greeting: Packet, party: Party): number {
  return greeting.body.readUInt16LE(capabilitiesAt(greeting, party));
}

function withSsl(greeting: Packet, on: boolean, party: Party): Packet {
  const at = capabilitiesAt(greeting, party);
  const body = Buffer.from(greeting.body);
  const capabilities = body.readUInt16LE(at);
  body.writeUInt16LE(on ? capabilities | clientSsl : capabilities & ~clientSsl, at);
  return { ...greeting, body };
}

/** A HandshakeResponse begins with its capabilities. */
function withResponseSsl(response: Packet, on: boolean): Packet {
  const body = Buffer.from(response.body);
  if (body.length < 2) return response;
  const capabilities = body.readUInt16LE(0);
  body.writeUInt16LE(on ? capabilities | clientSsl : capabilities & ~clientSsl, 0);
  return { ...response, body };
}

function malformed({ side }: Party, what: string): DialogEnd {
  return new DialogEnd('starttls-no-reply', `the ${side} does not speak MySQL's protocol: ${what}`);
}
