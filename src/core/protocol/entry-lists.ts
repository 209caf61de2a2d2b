/**
 * Lists of entries (docs/protocol-extension.md), one in a message: a byte of kind and a byte of length before each value,
 * a kind of 0 ending the list.
 */
import { DATA_LENGTH, MalformedMessage } from './fields.ts';

/** Values are UTF-8, of 255 bytes at most; a kind is not 0. */
export type Entry = [kind: number, value: string];

/** At least one list, and as many as the entries take. @throws MalformedMessage for a value that is too long */
export function writeLists(entries: readonly Entry[]): Buffer[] {
  let current = emptyList();
  const lists = [current];
  let filled = 0;
  for (const [kind, value] of entries) {
    const length = Buffer.byteLength(value);
    if (length > 255)
      throw new MalformedMessage(`an option takes at most 255 bytes, got ${length}`);
    if (filled + 2 + length > DATA_LENGTH) {
      current = emptyList();
      lists.push(current);
      filled = 0;
    }
    current[filled] = kind;
    current[filled + 1] = length;
    current.write(value, filled + 2);
    filled += 2 + length;
  }
  return lists;
}

/** @throws MalformedMessage for an entry that reaches beyond its list */
export function readList(data: Buffer, entry: (kind: number, value: string) => void): void {
  for (let offset = 0; offset < data.length && data[offset] !== END; ) {
    const kind = data[offset] ?? END;
    const end = offset + 2 + (data[offset + 1] ?? DATA_LENGTH);
    if (end > data.length) throw new MalformedMessage('an option reaches beyond its message');
    entry(kind, data.toString('utf8', offset + 2, end));
    offset = end;
  }
}

/** Of memory that is shared by many: an own piece would cost more than what is done with it. */
function emptyList(): Buffer {
  return Buffer.allocUnsafe(DATA_LENGTH).fill(0);
}

const END = 0;
