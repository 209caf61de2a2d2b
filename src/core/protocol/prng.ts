import { MalformedMessage } from './fields.ts';
import type { Prng } from './message.ts';

/** A request for keying material: RFC 5705, RFC 8446 section 7.5. */
export interface PrngRequest {
  /** 16 bytes. */
  readonly ctlkey: Buffer;
  /** < 255 bytes. */
  readonly label: string;
  /** < 255 bytes; undefined differs from an empty one up to TLS 1.2. */
  readonly context: Buffer | undefined;
  /** ≤ 350 bytes. */
  readonly length: number;
}

const CTLKEY_LENGTH = 16;
const BUFFER_LENGTH = 350;
const LONGEST_INPUT = 254;

/** @throws MalformedMessage for lengths that cannot be. */
export function readPrngRequest(message: Prng): PrngRequest {
  const { labelLength, contextLength, length, buffer } = message;
  const context = Math.max(contextLength, 0);
  requireLengths(labelLength, context, length);

  const labelEnd = CTLKEY_LENGTH + labelLength;
  return {
    ctlkey: buffer.subarray(0, CTLKEY_LENGTH),
    // Labels are ASCII (RFC 5705 section 4): any other byte shows as a character that no allowed label has.
    label: buffer.toString('latin1', CTLKEY_LENGTH, labelEnd),
    context: contextLength < 0 ? undefined : buffer.subarray(labelEnd, labelEnd + context),
    length,
  };
}

/** @throws MalformedMessage for lengths that cannot be. */
export function writePrngRequest({ ctlkey, label, context, length }: PrngRequest): Prng {
  requireLengths(label.length, context?.length ?? 0, length);
  const buffer = Buffer.alloc(BUFFER_LENGTH);
  ctlkey.copy(buffer);
  buffer.write(label, CTLKEY_LENGTH, 'latin1');
  context?.copy(buffer, CTLKEY_LENGTH + label.length);
  return {
    command: 'prng',
    labelLength: label.length,
    contextLength: context?.length ?? -1,
    length,
    buffer,
  };
}

/** The answer, which carries nothing but the bytes. */
export function writePrngAnswer(material: Buffer): Prng {
  const buffer = Buffer.alloc(BUFFER_LENGTH);
  material.copy(buffer);
  return { command: 'prng', labelLength: 0, contextLength: 0, length: material.length, buffer };
}

export function readPrngAnswer({ length, buffer }: Prng): Buffer {
  if (length < 0 || length > BUFFER_LENGTH) {
    throw new MalformedMessage(`${length} bytes of keying material do not fit in the message`);
  }
  return buffer.subarray(0, length);
}

function requireLengths(label: number, context: number, length: number): void {
  if (label < 0 || label > LONGEST_INPUT || context > LONGEST_INPUT) {
    throw new MalformedMessage(`label and context take at most ${LONGEST_INPUT} bytes each`);
  }
  if (CTLKEY_LENGTH + label + context > BUFFER_LENGTH) {
    throw new MalformedMessage('ctlkey, label and context together take at most 350 bytes');
  }
  if (length < 0 || length > BUFFER_LENGTH) {
    throw new MalformedMessage(`between 0 and 350 bytes can be asked for, not ${length}`);
  }
}
