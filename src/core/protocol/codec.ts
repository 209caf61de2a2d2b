import { type Command, commandCodes, commandOf } from './command.ts';
import { DATA_LENGTH, Fields, MESSAGE_LENGTH } from './fields.ts';
import type {
  Control,
  Envelope,
  ErrorMessage,
  Extension,
  Info,
  LidEntry,
  Message,
  PinEntry,
  Ping,
  Prng,
  StartTls,
} from './message.ts';

/** `requestId` and `callbackId` of a message, whatever else it holds. */
export interface Header {
  readonly requestId: number;
  readonly callbackId: number;
  /** `pio_cmd`. */
  readonly code: number;
}

/** Never fails: what a malformed message is answered with. */
export function decodeHeader(bytes: Buffer): Header {
  const fields = new Fields(bytes);
  return {
    requestId: fields.header16(0),
    callbackId: fields.header16(2),
    code: fields.header32(4),
  };
}

/**
 * Reads one message; nothing of the result shares its memory.
 *
 * @param bytes MESSAGE_LENGTH of them
 * @throws MalformedMessage for text that does not end or is not UTF-8. Unused bytes may hold anything: clients in C
 * do not always clear them.
 */
export function decode(bytes: Buffer): Envelope {
  const fields = new Fields(bytes);
  const code = fields.header32(4);
  const command = commandOf(code);
  return {
    requestId: fields.header16(0),
    callbackId: fields.header16(2),
    message: command === undefined ? { command: 'unknown', code } : decodeMessage(command, fields),
  };
}

/**
 * Writes one message. Every byte of it is written: what is not used is zero.
 *
 * @param target MESSAGE_LENGTH bytes to write to; new ones unless given
 * @throws MalformedMessage for what does not fit; RangeError for a number that does not
 */
export function encode(envelope: Envelope, target = Buffer.allocUnsafe(MESSAGE_LENGTH)): Buffer {
  const { message } = envelope;
  target.fill(0, 0, MESSAGE_LENGTH);
  const fields = new Fields(target);
  const code = message.command === 'unknown' ? message.code : commandCodes[message.command];
  fields.setHeader(envelope.requestId, envelope.callbackId, code);
  encodeMessage(message, fields);
  return target;
}

function decodeMessage(command: Command, fields: Fields): Message {
  switch (command) {
    case 'success':
      return { command };
    case 'error':
      return decodeError(fields);
    case 'ping':
      return decodePing(fields);
    case 'starttls':
    case 'starttlsLocalId':
    case 'plaintextConnect':
      return decodeStartTls(command, fields);
    case 'pinEntry':
      return decodePinEntry(fields);
    case 'prng':
      return decodePrng(fields);
    case 'info':
      return decodeInfo(fields);
    case 'detach':
    case 'reattach':
    case 'withdraw':
      return decodeControl(command, fields);
    case 'lidEntryRegister':
    case 'lidEntryCallback':
      return decodeLidEntry(command, fields);
    case 'program':
    case 'clearText':
    case 'starttlsOptions':
    case 'starttlsDetails':
      return { command, data: fields.copy(0, DATA_LENGTH) };
  }
}

function encodeMessage(message: Message, fields: Fields): void {
  switch (message.command) {
    case 'success':
    case 'unknown':
      return;
    case 'error':
      encodeError(message, fields);
      return;
    case 'ping':
      encodePing(message, fields);
      return;
    case 'starttls':
    case 'starttlsLocalId':
    case 'plaintextConnect':
      encodeStartTls(message, fields);
      return;
    case 'pinEntry':
      encodePinEntry(message, fields);
      return;
    case 'prng':
      encodePrng(message, fields);
      return;
    case 'info':
      encodeInfo(message, fields);
      return;
    case 'detach':
    case 'reattach':
    case 'withdraw':
      encodeControl(message, fields);
      return;
    case 'lidEntryRegister':
    case 'lidEntryCallback':
      encodeLidEntry(message, fields);
      return;
    case 'program':
    case 'clearText':
    case 'starttlsOptions':
    case 'starttlsDetails':
      encodeExtension(message, fields);
      return;
  }
}

function decodeError(fields: Fields): ErrorMessage {
  return {
    command: 'error',
    number: fields.i32(0),
    text: fields.text(4, 128, 'the error message'),
  };
}

function encodeError({ number, text }: ErrorMessage, fields: Fields): void {
  fields.setI32(0, number);
  fields.setCutText(4, 128, text);
}

function decodePing(fields: Fields): Ping {
  return {
    command: 'ping',
    identity: fields.text(0, 136, 'the producer'),
    facilities: fields.u32(136),
  };
}

function encodePing({ identity, facilities }: Ping, fields: Fields): void {
  fields.setText(0, 136, identity, 'the producer');
  fields.setU32(136, facilities);
}

function decodeStartTls(command: StartTls['command'], fields: Fields): StartTls {
  return {
    command,
    flags: fields.u32(0),
    local: fields.u32(4),
    ipProtocol: fields.u8(8),
    streamId: fields.u16(10),
    localId: fields.text(12, 128, 'localid'),
    remoteId: fields.text(140, 128, 'remoteid'),
    ctlkey: fields.copy(268, 16),
    service: fields.filledText(284, 16, 'service'),
    timeout: fields.u32(300),
  };
}

function encodeStartTls(message: StartTls, fields: Fields): void {
  fields.setU32(0, message.flags);
  fields.setU32(4, message.local);
  fields.setU8(8, message.ipProtocol);
  fields.setU16(10, message.streamId);
  fields.setText(12, 128, message.localId, 'localid');
  fields.setText(140, 128, message.remoteId, 'remoteid');
  fields.setBytes(268, 16, message.ctlkey, 'ctlkey');
  fields.setFilledText(284, 16, message.service, 'service');
  fields.setU32(300, message.timeout);
}

function decodePinEntry(fields: Fields): PinEntry {
  return {
    command: 'pinEntry',
    flags: fields.u32(0),
    attempt: fields.u32(4),
    timeout: fields.u32(8),
    pin: fields.terminated(12, 128, 'pin'),
    prompt: fields.text(140, 128, 'prompt'),
    tokenManufacturer: fields.text(268, 36, 'token_manuf'),
    tokenModel: fields.text(304, 20, 'token_model'),
    tokenSerial: fields.text(324, 20, 'token_serial'),
    tokenLabel: fields.text(344, 36, 'token_label'),
  };
}

function encodePinEntry(message: PinEntry, fields: Fields): void {
  fields.setU32(0, message.flags);
  fields.setU32(4, message.attempt);
  fields.setU32(8, message.timeout);
  fields.setBytes(12, 127, message.pin, 'pin');
  fields.setText(140, 128, message.prompt, 'prompt');
  fields.setText(268, 36, message.tokenManufacturer, 'token_manuf');
  fields.setText(304, 20, message.tokenModel, 'token_model');
  fields.setText(324, 20, message.tokenSerial, 'token_serial');
  fields.setText(344, 36, message.tokenLabel, 'token_label');
}

function decodePrng(fields: Fields): Prng {
  return {
    command: 'prng',
    labelLength: fields.i16(0),
    contextLength: fields.i16(2),
    length: fields.i16(4),
    buffer: fields.copy(6, 350),
  };
}

function encodePrng(message: Prng, fields: Fields): void {
  fields.setI16(0, message.labelLength);
  fields.setI16(2, message.contextLength);
  fields.setI16(4, message.length);
  fields.setBytes(6, 350, message.buffer, 'buffer');
}

function decodeInfo(fields: Fields): Info {
  return {
    command: 'info',
    ctlkey: fields.copy(0, 16),
    kind: fields.u32(16),
    length: fields.u16(20),
    buffer: fields.copy(22, 334),
  };
}

function encodeInfo(message: Info, fields: Fields): void {
  fields.setBytes(0, 16, message.ctlkey, 'ctlkey');
  fields.setU32(16, message.kind);
  fields.setU16(20, message.length);
  fields.setBytes(22, 334, message.buffer, 'buffer');
}

function decodeControl(command: Control['command'], fields: Fields): Control {
  return {
    command,
    flags: fields.u32(0),
    ctlkey: fields.copy(4, 16),
    name: fields.text(20, 128, 'name'),
  };
}

function encodeControl({ flags, ctlkey, name }: Control, fields: Fields): void {
  fields.setU32(0, flags);
  fields.setBytes(4, 16, ctlkey, 'ctlkey');
  fields.setText(20, 128, name, 'name');
}

/** Packed to two bytes: the 32-bit timeout follows maxlevels at once. */
function decodeLidEntry(command: LidEntry['command'], fields: Fields): LidEntry {
  return {
    command,
    flags: fields.u32(0),
    maxLevels: fields.u16(4),
    timeout: fields.u32(6),
    localId: fields.text(10, 128, 'localid'),
    remoteId: fields.text(138, 128, 'remoteid'),
  };
}

function encodeLidEntry(message: LidEntry, fields: Fields): void {
  fields.setU32(0, message.flags);
  fields.setU16(4, message.maxLevels);
  fields.setU32(6, message.timeout);
  fields.setText(10, 128, message.localId, 'localid');
  fields.setText(138, 128, message.remoteId, 'remoteid');
}

function encodeExtension({ data }: Extension, fields: Fields): void {
  fields.setBytes(0, DATA_LENGTH, data, 'data');
}
