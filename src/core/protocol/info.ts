import type { Info } from './message.ts';

/** `info_kind`: what can be asked about a session. */
export const infoKinds = {
  peerSubject: 0x5280_0000,
  peerIssuer: 0x5280_0001,
  peerSubjectAltName: 0x5280_0002,
  ownSubject: 0x5280_0100,
  ownIssuer: 0x5280_0101,
  ownSubjectAltName: 0x5280_0102,
  /** RFC 5929 section 3. */
  tlsUnique: 0x5929_0000,
  /** RFC 5929 section 4. */
  tlsServerEndPoint: 0x5929_0001,
  /** RFC 9266; ours. */
  tlsExporter: 0x9266_0000,
  /** Ours: name of a group that the remote is in. */
  remoteGroup: 0x8000_0000,
  /** Ours: what let the remote in. */
  decision: 0x8000_0001,
} as const;

export type InfoKind = keyof typeof infoKinds;

const byNumber: ReadonlyMap<number, InfoKind> = new Map(
  Object.entries(infoKinds).map(([name, number]) => [number, name as InfoKind]),
);

export function infoKindOf(number: number): InfoKind | undefined {
  return byNumber.get(number);
}

/** `len` of a request that asks for the value instead of comparing one. */
export const TELL_VALUE = 0xffff;
export const LONGEST_VALUE = 334;

export function writeInfo(ctlkey: Buffer, kind: number, value: Buffer | undefined): Info {
  const buffer = Buffer.alloc(LONGEST_VALUE);
  value?.copy(buffer);
  return { command: 'info', ctlkey, kind, length: value?.length ?? TELL_VALUE, buffer };
}
