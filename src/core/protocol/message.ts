import type { Command } from './command.ts';

/** One message in either direction, as it means, not as it is laid out. */
export interface Envelope<Content extends Message = Message> {
  /** Chosen by the client, in all messages of one request. */
  readonly requestId: number;
  /** Not 0: a callback from the pool, or the answer to it. */
  readonly callbackId: number;
  readonly message: Content;
}

export type Message =
  | Success
  | ErrorMessage
  | Ping
  | StartTls
  | PinEntry
  | Prng
  | Info
  | Control
  | LidEntry
  | Extension
  | Unknown;

/** The message of one command: `MessageOf<'ping'>`. */
export type MessageOf<Name extends Command> = Named<Message, Name>;

/** Several commands may share one layout. */
type Named<Content, Name> = Content extends { readonly command: infer All }
  ? Name extends All
    ? Content & { readonly command: Name }
    : never
  : never;

export interface Success {
  readonly command: 'success';
}

export interface ErrorMessage {
  readonly command: 'error';
  /** See errors.ts. */
  readonly number: number;
  /** For people; cut to 127 bytes when it is written. */
  readonly text: string;
}

export interface Ping {
  readonly command: 'ping';
  /** Date and domain of whoever made the program: `20151111api@tlspool.arpa2.net`. ≤ 135 bytes. */
  readonly identity: string;
  /** Bits of `facilities`. */
  readonly facilities: number;
}

/** The request, its final response, and both of its callbacks. */
export interface StartTls {
  readonly command: 'starttls' | 'starttlsLocalId' | 'plaintextConnect';
  /** Bits of `startTlsFlags`. */
  readonly flags: number;
  /** The client's own, echoed. */
  readonly local: number;
  /** IP protocol number: 6 TCP, 17 UDP, 132 SCTP. */
  readonly ipProtocol: number;
  readonly streamId: number;
  /** ≤ 127 bytes; empty: none. */
  readonly localId: string;
  readonly remoteId: string;
  /** 16 bytes. */
  readonly ctlkey: Buffer;
  /** IANA service name, ≤ 16 bytes. */
  readonly service: string;
  /** ms; 0: the pool's default, 0xffffffff: none. */
  readonly timeout: number;
}

export interface PinEntry {
  readonly command: 'pinEntry';
  readonly flags: number;
  readonly attempt: number;
  /** µs. */
  readonly timeout: number;
  /** Bytes and not text, so that whoever is done with it can wipe it. ≤ 127. */
  readonly pin: Buffer;
  readonly prompt: string;
  readonly tokenManufacturer: string;
  readonly tokenModel: string;
  readonly tokenSerial: string;
  readonly tokenLabel: string;
}

/** Request and answer; prng.ts reads them. */
export interface Prng {
  readonly command: 'prng';
  /** in1_len. */
  readonly labelLength: number;
  /** in2_len; negative: no context. */
  readonly contextLength: number;
  readonly length: number;
  /** 350 bytes. */
  readonly buffer: Buffer;
}

export interface Info {
  readonly command: 'info';
  /** 16 bytes. */
  readonly ctlkey: Buffer;
  readonly kind: number;
  /** 0xffff: tell the value; ≤ 334: compare with that many bytes of the buffer. */
  readonly length: number;
  /** 334 bytes. */
  readonly buffer: Buffer;
}

export interface Control {
  readonly command: 'detach' | 'reattach' | 'withdraw';
  readonly flags: number;
  /** 16 bytes. */
  readonly ctlkey: Buffer;
  readonly name: string;
}

export interface LidEntry {
  readonly command: 'lidEntryRegister' | 'lidEntryCallback';
  readonly flags: number;
  readonly maxLevels: number;
  /** s. */
  readonly timeout: number;
  readonly localId: string;
  readonly remoteId: string;
}

/** Ours; extension.ts says what the bytes mean. */
export interface Extension {
  readonly command: 'starttlsOptions' | 'starttlsDetails' | 'program' | 'clearText';
  /** 380 bytes. */
  readonly data: Buffer;
}

export interface Unknown {
  readonly command: 'unknown';
  readonly code: number;
}
