/**
 * What of a DNS message (RFC 1035 section 4.1) tells which addresses belong to which name. Bytes come from the
 * network: whatever is malformed gives undefined, never an exception and never a loop.
 */
export interface DnsMessage {
  readonly id: number;
  /** QR: an answer, not a question. */
  readonly response: boolean;
  /** RCODE; 0 is no error. */
  readonly code: number;
  readonly question: DnsQuestion;
  /** Those of the answer and additional sections whose type is known here. */
  readonly records: readonly DnsRecord[];
}

export interface DnsQuestion {
  readonly name: DnsName;
  readonly type: number;
}

export type DnsRecord =
  | { readonly type: 'address'; readonly owner: DnsName; readonly address: string }
  | { readonly type: 'alias'; readonly owner: DnsName; readonly target: DnsName }
  | { readonly type: 'mail'; readonly owner: DnsName; readonly target: DnsName }
  | {
      readonly type: 'service';
      readonly owner: DnsName;
      readonly target: DnsName;
      readonly port: number;
    };

/** Lower case, without the final dot. A label that no host name can have reads `?`. */
export type DnsName = string;

/** The message; undefined if it is none, or has not exactly one question. */
export function parseDnsMessage(bytes: Uint8Array): DnsMessage | undefined {
  try {
    return readMessage(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** IPv4 or IPv6 from its bytes in network order, as inet_ntop(3) writes it. */
export function addressFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return compressed(groups);
}

/** RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals, becomes `::`. */
function compressed(groups: readonly string[]): string {
  let best = { start: 0, length: 1 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === '0') continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  if (best.length < 2) return groups.join(':');
  const head = groups.slice(0, best.start).join(':');
  return `${head}::${groups.slice(best.start + best.length).join(':')}`;
}

const headerLength = 12;
/** More records than a program could make use of are not looked at. */
const mostRecords = 512;

const types = { a: 1, cname: 5, mx: 15, aaaa: 28, srv: 33 } as const;
const internet = 1;

function readMessage(view: DataView): DnsMessage | undefined {
  const flags = view.getUint16(2);
  const [questions, answers, authorities, additional] = [4, 6, 8, 10].map((at) =>
    view.getUint16(at),
  ) as [number, number, number, number];
  if (questions !== 1) return undefined;
  const name = readName(view, headerLength);
  const type = view.getUint16(name.end);
  if (view.getUint16(name.end + 2) !== internet) return undefined;
  const records: DnsRecord[] = [];
  let at = name.end + 4;
  const count = Math.min(answers + authorities + additional, mostRecords);
  for (let index = 0; index < count; index++) {
    const record = readRecord(view, at);
    const referral = index >= answers && index < answers + authorities;
    if (record.known && !referral) records.push(record.known);
    at = record.end;
  }
  return {
    id: view.getUint16(0),
    response: (flags & 0x8000) !== 0,
    code: flags & 0x0f,
    question: { name: name.text, type },
    records,
  };
}

function readRecord(view: DataView, at: number): { known: DnsRecord | undefined; end: number } {
  const owner = readName(view, at);
  const type = view.getUint16(owner.end);
  const isInternet = view.getUint16(owner.end + 2) === internet;
  const length = view.getUint16(owner.end + 8);
  const data = owner.end + 10;
  const end = data + length;
  if (end > view.byteLength) throw new RangeError('the record goes beyond the message');
  return { known: isInternet ? readData(view, owner.text, type, data, length) : undefined, end };
}

function readData(
  view: DataView,
  owner: DnsName,
  type: number,
  at: number,
  length: number,
): DnsRecord | undefined {
  switch (type) {
    case types.a:
    case types.aaaa: {
      if (length !== (type === types.a ? 4 : 16)) return undefined;
      const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
      return { type: 'address', owner, address: addressFromBytes(bytes) };
    }
    case types.cname:
      return { type: 'alias', owner, target: readName(view, at).text };
    case types.mx:
      return { type: 'mail', owner, target: readName(view, at + 2).text };
    case types.srv: {
      const target = readName(view, at + 6).text;
      return { type: 'service', owner, target, port: view.getUint16(at + 4) };
    }
    default:
      return undefined;
  }
}

/**
 * RFC 1035 section 4.1.4. A pointer must lead to before where it stands, which rules out loops; the name's 255 bytes
 * (section 2.3.4) bound the work.
 */
function readName(view: DataView, start: number): { text: DnsName; end: number } {
  const labels: string[] = [];
  let at = start;
  let limit = start;
  let end: number | undefined;
  let bytes = 0;
  for (;;) {
    const length = view.getUint8(at);
    if (length === 0) return { text: labels.join('.'), end: end ?? at + 1 };
    if (length >= 0xc0) {
      const target = view.getUint16(at) & 0x3fff;
      end ??= at + 2;
      if (target >= limit) throw new RangeError('a pointer leads forwards');
      at = target;
      limit = target;
      continue;
    }
    bytes += length + 1;
    if (length > 63 || bytes > 254) throw new RangeError('the name is too long');
    labels.push(readLabel(view, at + 1, length));
    at += length + 1;
  }
}

/** A dot or a NUL inside a label would make one name look like another. */
function readLabel(view: DataView, at: number, length: number): string {
  let text = '';
  for (let index = at; index < at + length; index++) {
    text += String.fromCharCode(view.getUint8(index));
  }
  return /^[a-z0-9_-]+$/i.test(text) ? text.toLowerCase() : '?';
}
