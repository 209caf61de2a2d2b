/**
 * TLSA records (RFC 6698) over DNSSEC. Validation is the resolver's, which is trusted for its AD bit because nothing
 * but loopback lies between it and us (RFC 6840 section 5.8).
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import packet, { type DecodedPacket, type Packet } from 'dns-packet';
import { printable } from '../identity/domain-name.ts';
import type { Resolver } from './validation-settings.ts';

export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Buffer;
}

export type TlsaAnswer =
  /** At least one. */
  | { readonly is: 'records'; readonly records: readonly TlsaRecord[]; readonly until: number }
  /** Proven by DNSSEC. */
  | { readonly is: 'absent'; readonly until: number }
  | { readonly is: 'unknown'; readonly why: string };

/** ms to wait for a datagram before it is sent again, and how often that is done. */
const PATIENCE = 2_000;
const ATTEMPTS = 2;
/** Seconds for which proven absence is believed at most. */
const ABSENT = 300;

/** What DNS says about the TLS of `port` at `domain`. */
export async function askTlsa(
  { address, port: resolverPort }: Resolver,
  domain: string,
  port: number,
  signal: AbortSignal,
): Promise<TlsaAnswer> {
  const name = `_${port}._tcp.${domain}`;
  const resolver = { address, port: resolverPort };
  try {
    return read(name, await ask(resolver, name, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return {
      is: 'unknown',
      why: `the resolver ${address}:${resolverPort} gives no answer: ${printable(error.message)}`,
    };
  }
}

function read(name: string, answer: DecodedPacket): TlsaAnswer {
  const now = Math.floor(Date.now() / 1000);
  const { rcode } = answer as { rcode?: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
    return {
      is: 'unknown',
      why: `the resolver answers ${rcode} about ${name}: DNSSEC may be broken`,
    };
  }
  if (!answer.flag_ad) {
    return { is: 'unknown', why: `the answer about ${name} is not signed (DNSSEC)` };
  }
  const records: TlsaRecord[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (const record of answer.answers ?? []) {
    if ('ttl' in record) until = Math.min(until, now + Math.max(record.ttl ?? 0, 1));
    if (record.type !== 'TLSA') continue;
    const { usage, selector, matchingType, certificate } = record.data;
    records.push({ usage, selector, matchingType, data: Buffer.from(certificate) });
  }
  if (records.length > 0) return { is: 'records', records, until };
  return { is: 'absent', until: now + ABSENT };
}

/** By UDP, and by TCP if the answer does not fit. */
async function ask(resolver: Resolver, name: string, signal: AbortSignal): Promise<DecodedPacket> {
  for (let attempt = 1; ; attempt += 1) {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    try {
      const answer = await byUdp(resolver, queryFor(name), patience);
      return answer.flag_tc ? await byTcp(resolver, queryFor(name), patience) : answer;
    } catch (error) {
      if (signal.aborted || attempt >= ATTEMPTS || !patience.aborted) throw error;
    }
  }
}

function queryFor(name: string): Packet {
  return {
    type: 'query',
    id: randomInt(0x1_0000),
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type: 'TLSA', name }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        flags: 0,
        extendedRcode: 0,
        ednsVersion: 0,
        flag_do: false,
        options: [],
      },
    ],
  };
}

function byUdp(resolver: Resolver, query: Packet, signal: AbortSignal): Promise<DecodedPacket> {
  return new Promise((done, failed) => {
    const socket = createSocket({ type: resolver.address.includes(':') ? 'udp6' : 'udp4', signal });
    const end = (settle: () => void) => {
      socket.removeAllListeners('close');
      socket.close();
      settle();
    };
    socket.on('error', (error) => end(() => failed(error)));
    socket.on('close', () => failed(new Error('it did not answer in time')));
    socket.on('message', (message) => {
      const answer = decoded(message, query);
      // Whatever else arrives at the port is not for us.
      if (answer !== undefined) end(() => done(answer));
    });
    socket.connect(resolver.port, resolver.address, () => socket.send(packet.encode(query)));
  });
}

function byTcp(resolver: Resolver, query: Packet, signal: AbortSignal): Promise<DecodedPacket> {
  return new Promise((done, failed) => {
    const socket = connect({ host: resolver.address, port: resolver.port, signal });
    let received = Buffer.alloc(0);
    socket.on('error', failed);
    socket.on('close', () => failed(new Error('it hung up')));
    socket.on('connect', () => socket.write(packet.streamEncode(query)));
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = decoded(received.subarray(2), query);
      socket.destroy();
      if (answer === undefined) failed(new Error('it answers something else'));
      else done(answer);
    });
  });
}

/** undefined: it is no answer to the query. */
function decoded(message: Buffer, query: Packet): DecodedPacket | undefined {
  let answer: DecodedPacket;
  try {
    answer = packet.decode(message);
  } catch {
    return undefined;
  }
  const [asked] = query.questions ?? [];
  const [repeated, ...surplus] = answer.questions ?? [];
  const fits =
    answer.type === 'response' &&
    answer.id === query.id &&
    surplus.length === 0 &&
    repeated?.type === asked?.type &&
    repeated?.name.toLowerCase() === asked?.name.toLowerCase();
  return fits ? answer : undefined;
}
