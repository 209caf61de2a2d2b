/** Writes DNS messages (RFC 1035 section 4.1), for tests. */
export interface Message {
  readonly id?: number;
  readonly response?: boolean;
  readonly code?: number;
  readonly question: readonly [name: string, type: number];
  readonly answers?: readonly Record[];
  readonly authorities?: readonly Record[];
  readonly additional?: readonly Record[];
}

export interface Record {
  readonly owner: string;
  readonly type: number;
  readonly data: Uint8Array;
}

export const dnsTypes = { a: 1, ns: 2, cname: 5, mx: 15, txt: 16, aaaa: 28, srv: 33 } as const;

export function encodeMessage(message: Message): Buffer {
  const { answers = [], authorities = [], additional = [] } = message;
  const flags = (message.response ? 0x8180 : 0x0100) | (message.code ?? 0);
  const counts = [1, answers.length, authorities.length, additional.length];
  const [name, type] = message.question;
  return Buffer.concat([
    words(message.id ?? 1, flags, ...counts),
    encodeName(name),
    words(type, 1),
    ...[...answers, ...authorities, ...additional].map(encodeRecord),
  ]);
}

export function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
}

export const record = {
  a: (owner: string, address: string): Record => ({
    owner,
    type: dnsTypes.a,
    data: Uint8Array.from(address.split('.').map(Number)),
  }),
  aaaa: (owner: string, groups: readonly number[]): Record => ({
    owner,
    type: dnsTypes.aaaa,
    data: words(...groups),
  }),
  cname: (owner: string, target: string): Record => ({
    owner,
    type: dnsTypes.cname,
    data: encodeName(target),
  }),
  mx: (owner: string, target: string): Record => ({
    owner,
    type: dnsTypes.mx,
    data: Buffer.concat([words(10), encodeName(target)]),
  }),
  srv: (owner: string, target: string, port: number): Record => ({
    owner,
    type: dnsTypes.srv,
    data: Buffer.concat([words(0, 0, port), encodeName(target)]),
  }),
};

function encodeRecord({ owner, type, data }: Record): Buffer {
  return Buffer.concat([encodeName(owner), words(type, 1, 0, 60, data.length), data]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}
